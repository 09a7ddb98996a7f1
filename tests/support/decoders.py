"""Decoders of pixel data that others wrote and that nothing here decodes with: DCMTK, FFmpeg, GDCM."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
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
"""FFmpeg's own decoder, which is not OpenJPEG; GDCM (in SimpleITK) judges where it is not installed: another reader and
another build around OpenJPEG, so what it cannot judge is that library's arithmetic."""


def judge(syntax: UID) -> str:
    """Whose decoder judges this transfer syntax."""
    return "DCMTK" if syntax in DCMTK else "FFmpeg" if _ffmpeg_is_here() else "GDCM"


def decoded(path: Path, folder: Path) -> NDArray[Any]:
    """Stored values of a one-frame object, (rows, columns) or (rows, columns, samples). Skips without DCMTK."""
    dataset = dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in DCMTK:
        return _by_dcmtk(path, DCMTK[syntax], folder)
    return _by_ffmpeg(dataset, FFMPEG[syntax]) if _ffmpeg_is_here() else _by_gdcm(path, dataset)


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


def _by_gdcm(path: Path, dataset: Dataset) -> NDArray[Any]:
    """Without the rescale that GDCM applies by itself."""
    values = np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))[0]
    if dataset.SamplesPerPixel > 1:
        return values.astype(np.int64)
    stored = (values - float(dataset.get("RescaleIntercept", 0))) / float(dataset.get("RescaleSlope", 1))
    return np.rint(stored).astype(np.int64)


def _ffmpeg_is_here() -> bool:
    return importlib.util.find_spec("av") is not None


def _by_ffmpeg(dataset: Dataset, codec: str) -> NDArray[Any]:
    av = importlib.import_module("av")
    context = av.CodecContext.create(codec, "r")
    frame = next(generate_frames(BytesIO(dataset.PixelData).getvalue(), number_of_frames=1))
    (picture, *_) = [*context.decode(av.Packet(frame)), *context.decode(None)]
    values: NDArray[Any] = picture.to_ndarray().astype(np.int64)
    return values - 32768 if picture.format.name == "gray16le" and dataset.PixelRepresentation else values
