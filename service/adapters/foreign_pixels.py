"""Frames decoded by pydicom and its plug-ins; runs in the bounded child only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEGExtended12Bit

from service.adapters.placing import plane
from service.adapters.presentation import flattened, greys, measured, number, rescaled, shown, spacing_mm, unit
from service.domain.errors import Unreadable, Unsupported
from service.domain.image_model import Values

PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, double float and integer Pixel Data."""
MAX_PIXELS = 48 * 1024**2
"""Pixels of one frame; the largest detectors have about 20 million."""


def frame_of(file: BinaryIO, frame: int, values: str) -> tuple[Mapping[str, Any], bytes]:
    """One frame, little endian: presented (uint16) or in modality units (int16); with rows, columns, spacing, place and
    greys.

    `frame` counts from 1.
    """
    header = dcmread(file, force=True, stop_before_pixels=True)
    syntax = checked(header, frame)
    attributes = flattened(header, frame)
    stored = decoded(file, header, syntax, frame)
    picture = measured(stored, attributes) if values == Values.MODALITY else shown(stored, attributes)
    rows, columns = picture.shape
    head = {
        "rows": rows,
        "columns": columns,
        "spacing_mm": spacing_mm(attributes),
        "plane": plane(attributes),
        "greys": greys(stored, attributes) if values == Values.PRESENTED else None,
    }
    return head, picture.astype(picture.dtype.newbyteorder("<")).tobytes()


def rescaled_of(file: BinaryIO, frame: int) -> tuple[Mapping[str, Any], bytes]:
    """One frame as little endian float32 in its unit, NaN for padding, with what measuring on it needs to know."""
    header = dcmread(file, force=True, stop_before_pixels=True)
    syntax = checked(header, frame)
    attributes = flattened(header, frame)
    stored = decoded(file, header, syntax, frame)
    values = rescaled(stored, attributes)
    rows, columns = values.shape
    head = {
        "rows": rows,
        "columns": columns,
        "plane": plane(attributes),
        "unit": unit(header, attributes),
        "clipped": _clipped(stored, attributes),
        "stated": [element.keyword for element in header if element.keyword and element.value not in (None, "", [])],
    }
    return head, values.astype("<f4").tobytes()


def _clipped(stored: NDArray[Any], attributes: Dataset) -> tuple[float, float]:
    """Share of the pixels on the lowest and on the highest value of the stored bits."""
    bits = int(number(attributes, "BitsStored") or 8)
    lowest = -(1 << (bits - 1)) if number(attributes, "PixelRepresentation") else 0
    highest = lowest + (1 << bits) - 1
    return float(np.mean(stored <= lowest)), float(np.mean(stored >= highest))


def digest_of_frames(file: BinaryIO) -> Mapping[str, Any]:
    """SHA-256 over every decoded frame with its shape, whatever it was compressed with."""
    header = dcmread(file, force=True, stop_before_pixels=True)
    sha256 = hashlib.sha256()
    for frame in range(1, int(number(header, "NumberOfFrames") or 1) + 1):
        picture = decoded(file, header, checked(header, frame), frame)
        sha256.update(str(picture.shape).encode())
        sha256.update(picture.astype(picture.dtype.newbyteorder("<")).tobytes())
    return {"digest": sha256.hexdigest()}


def checked(header: Dataset, frame: int) -> UID:
    """The transfer syntax, once the header says that the frame is there and of a bounded size."""
    rows, columns = number(header, "Rows") or 0, number(header, "Columns") or 0
    if not rows or not columns:
        raise Unsupported("The object has no pictures.")
    if rows * columns > MAX_PIXELS:
        raise Unsupported(f"A picture of {rows:.0f} x {columns:.0f} pixels is larger than is read.")
    frames = int(number(header, "NumberOfFrames") or 1)
    if not 1 <= frame <= frames:
        raise Unreadable(f"Frame {frame} was asked for; the object has {frames}.")
    syntax = header.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise Unreadable("The object does not name its transfer syntax.")
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if syntax == JPEGExtended12Bit and (number(header, "BitsStored") or 8) > 8:
        available = False  # only a decoder under the GPL reads these, see pyproject.toml
    if not available:
        raise Unsupported(f"Nothing here decodes {UID(syntax).name} ({header.get('BitsStored', '?')} bits).")
    return UID(syntax)


def decoded(file: BinaryIO, header: Dataset, syntax: UID, frame: int) -> NDArray[Any]:
    """One frame's stored values, (rows, columns) or (rows, columns, samples); colour as RGB."""
    file.seek(0)
    source = dcmread(file, force=True) if syntax == DeflatedExplicitVRLittleEndian else file
    try:
        picture: NDArray[Any] = np.asarray(pixel_array(source, index=frame - 1))
    except (AttributeError, EOFError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Unreadable(_why(file, header, syntax)) from error
    if picture.shape[:2] != (header.Rows, header.Columns):
        raise Unreadable("The decoded picture has another size than the header says.")
    return picture


def _why(file: BinaryIO, header: Dataset, syntax: UID) -> str:
    """Why nothing was decoded, in words of our own: they become the first line of a document."""
    undecodable = f"The pixel data cannot be decoded from {syntax.name}."
    file.seek(0)
    try:
        dataset = dcmread(file, force=True)
    except EOFError:  # fragments that end in the middle
        return undecodable
    found = next((dataset.get_item(tag) for tag in PIXELS if tag in dataset), None)
    if found is None or not found.value:
        return "The object has no pixel data."
    if not syntax.is_encapsulated and len(found.value) < bytes_said(header):
        return "The pixel data is shorter than rows x columns say."
    return undecodable


def bytes_said(header: Dataset) -> float:
    """Bytes of uncompressed pixel data that the header promises, less what an old 4:2:2 picture leaves out."""
    pixels = (number(header, "Rows") or 0) * (number(header, "Columns") or 0) * (number(header, "NumberOfFrames") or 1)
    samples = 2 if "422" in str(header.get("PhotometricInterpretation", "")) else number(header, "SamplesPerPixel") or 1
    return pixels * samples * (number(header, "BitsAllocated") or 8) / 8
