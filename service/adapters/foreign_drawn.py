"""Frames drawn as JPEG or PNG (PS3.18 8.3.5 and 10.4.1.1.3). Runs in the bounded child only."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from service.adapters.foreign_pixels import checked, decoded
from service.adapters.presentation import WHITE, flattened, shown, windowed


def picture(file: BinaryIO, frame: int, how: Mapping[str, Any]) -> bytes:
    """One frame, counted from 1, drawn with 8 bits: `png`, `quality`, `window`, `viewport` as `ports.viewing.Look`."""
    file.seek(0)
    header = dcmread(file, force=True, stop_before_pixels=True)
    syntax = checked(header, frame)
    attributes = flattened(header, frame)
    image = Image.fromarray(_drawn(decoded(file, header, syntax, frame), attributes, how["window"]))
    if how["viewport"]:
        image.thumbnail(_fitting(image.size, how["viewport"]), Image.Resampling.LANCZOS)
    written = BytesIO()
    if how["png"]:
        image.save(written, "PNG")
    else:
        image.save(written, "JPEG", quality=how["quality"])
    return written.getvalue()


def _drawn(stored: NDArray[Any], attributes: Dataset, window: tuple[float, float, str] | None) -> NDArray[np.uint8]:
    if str(attributes.get("PhotometricInterpretation", "")).strip() == "PALETTE COLOR":
        stored = apply_color_lut(stored, attributes)
    if stored.ndim == 3:
        return _eight_bits(stored)
    grey = _in_window(stored, attributes, window) if window else shown(stored, attributes)
    return (grey >> 8).astype(np.uint8)


def _in_window(stored: NDArray[Any], attributes: Dataset, window: tuple[float, float, str]) -> NDArray[np.uint16]:
    """Through just that window, also where it leaves the picture empty: somebody chose it."""
    grey = windowed(apply_modality_lut(stored, attributes), *window)
    inverted = str(attributes.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1"
    return (WHITE - grey).astype(np.uint16) if inverted else grey


def _eight_bits(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Colour by the full scale of its own bits."""
    deep = 8 * (rgb.dtype.itemsize - 1)
    return (rgb[..., :3] >> deep).astype(np.uint8) if rgb.dtype.kind in "ui" else rgb[..., :3].astype(np.uint8)


def _fitting(size: tuple[int, int], viewport: list[int]) -> tuple[int, int]:
    """`size` made to fit into `viewport`; a small picture is not blown up."""
    scale = min(viewport[0] / size[0], viewport[1] / size[1], 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
