"""Every frame of a foreign object in one go, whatever its bits and compression. Runs in the bounded child only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, ExplicitVRBigEndian

from service.adapters.foreign_pixels import MAX_PIXELS
from service.adapters.presentation import number
from service.domain.errors import Unreadable, Unsupported

MAX_VOXELS = 1 << 30
"""Pixels of all frames together: two thousand slices of 700 x 700."""
_TYPES: dict[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype("<u2")}


def frames_of(dataset: Dataset, count: int) -> Iterator[NDArray[Any]]:
    """The `count` frames in order, each (rows, columns). Raises Unreadable, Unsupported."""
    rows, columns = int(number(dataset, "Rows") or 0), int(number(dataset, "Columns") or 0)
    if not 0 < rows * columns <= MAX_PIXELS or rows * columns * count > MAX_VOXELS:
        raise Unsupported(f"{count} frames of {rows} x {columns} pixels are more than is read.")
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or "")
    if syntax.is_encapsulated:
        yield from _decoded(dataset, syntax, (rows, columns), count)
        return
    bits = int(number(dataset, "BitsAllocated") or 0)
    value = dataset.get("PixelData") or b""
    if syntax == ExplicitVRBigEndian or bits not in {1, *_TYPES}:
        raise Unsupported(f"Pixels of {bits} bits in {syntax.name or 'an unnamed transfer syntax'} are not read.")
    if len(value) * 8 < rows * columns * count * bits:
        raise Unreadable("The pixel data is shorter than rows x columns x frames say.")
    for at in range(count):
        yield (_bits(value, at, rows * columns) if bits == 1 else _whole(value, at, rows * columns, bits)).reshape(
            rows, columns
        )


def _bits(value: bytes, at: int, size: int) -> NDArray[Any]:
    """One bit a pixel, from frame to frame without a gap (PS3.5 8.1.1)."""
    first, past = at * size, (at + 1) * size
    found = np.unpackbits(np.frombuffer(value[first // 8 : (past + 7) // 8], np.uint8), bitorder="little")
    return found[first % 8 : first % 8 + size]


def _whole(value: bytes, at: int, size: int, bits: int) -> NDArray[Any]:
    return np.frombuffer(value, _TYPES[bits], count=size, offset=at * size * bits // 8)


def _decoded(dataset: Dataset, syntax: UID, size: tuple[int, int], count: int) -> Iterator[NDArray[Any]]:
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise Unsupported(f"Nothing here decodes {syntax.name}.")
    found = 0
    try:
        for picture in iter_pixels(dataset):
            if picture.shape != size:
                raise Unreadable("A decoded frame has another size than the header says.")
            found += 1
            yield picture
    except (AttributeError, EOFError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Unreadable(f"The pixel data cannot be decoded from {syntax.name}.") from error
    if found != count:
        raise Unreadable(f"It says that it has {count} frames and holds {found}.")
