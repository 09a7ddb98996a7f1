"""Decoders of pixel data that others wrote and that nothing here decodes with: DCMTK and FFmpeg."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

DCMTK = {
    ExplicitVRBigEndian: "dcmconv",
    DeflatedExplicitVRLittleEndian: "dcmconv",
    RLELossless: "dcmdrle",
    JPEGExtended12Bit: "dcmdjpeg",
    JPEGLossless: "dcmdjpeg",
    JPEGLosslessSV1: "dcmdjpeg",
    JPEGLSLossless: "dcmdjpls",
    JPEGLSNearLossless: "dcmdjpls",
}
"""DCMTK's tool for a transfer syntax; the one that Debian ships knows no JPEG 2000."""
FFMPEG = {JPEG2000: "jpeg2000", JPEG2000Lossless: "jpeg2000", HTJ2KLossless: "jpeg2000"}
"""FFmpeg's own decoder, which is not OpenJPEG."""


def judge(syntax: UID) -> str:
    """Whose decoder judges this transfer syntax."""
    return "DCMTK" if syntax in DCMTK else "FFmpeg"


def decoded(path: Path, folder: Path) -> NDArray[Any]:
    """Stored values of a one-frame object, (rows, columns) or (rows, columns, samples). Skips without the judge."""
    dataset = dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    return _by_dcmtk(path, DCMTK[syntax], folder) if syntax in DCMTK else _by_ffmpeg(dataset, FFMPEG[syntax])


def _by_dcmtk(path: Path, tool: str, folder: Path) -> NDArray[Any]:
    if shutil.which(tool) is None:
        pytest.skip(f"DCMTK's {tool} is not installed")
    plain = folder / "plain.dcm"
    to_little_endian = ["+te"] if tool == "dcmconv" else []
    subprocess.run([tool, *to_little_endian, str(path), str(plain)], check=True, capture_output=True)
    dataset = dcmread(plain)
    raw = np.frombuffer(dataset.PixelData, "<u2" if dataset.BitsAllocated == 16 else "u1")
    return _signed(raw.reshape(dataset.Rows, dataset.Columns), dataset)


def _signed(raw: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Bits above the high bit are nobody's; two's complement where the header says so (PS3.5 8.1.1)."""
    bits = dataset.BitsStored
    values = raw.astype(np.int64) & ((1 << bits) - 1)
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values) if dataset.PixelRepresentation else values


def _by_ffmpeg(dataset: Dataset, codec: str) -> NDArray[Any]:
    if importlib.util.find_spec("av") is None:
        pytest.skip("FFmpeg's decoder is not installed (`pip install av`)")
    av = importlib.import_module("av")
    context = av.CodecContext.create(codec, "r")
    frame = next(generate_frames(BytesIO(dataset.PixelData).getvalue(), number_of_frames=1))
    (picture, *_) = [*context.decode(av.Packet(frame)), *context.decode(None)]
    values: NDArray[Any] = picture.to_ndarray().astype(np.int64)
    return values - 32768 if picture.format.name == "gray16le" and dataset.PixelRepresentation else values
