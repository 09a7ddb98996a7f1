"""Frames and objects as a viewer is sent them: as stored, or uncompressed. Runs in the bounded child only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import _get_jpg_parameters, get_j2k_parameters, pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from service.adapters.foreign_pixels import PIXELS, bytes_said, checked, decoded
from service.adapters.part10_pixels import find_pixels
from service.adapters.part10_window import Odd
from service.adapters.presentation import number
from service.domain.errors import Unreadable, Unsupported

_WORDS = {"OW": 2, "OL": 4, "OF": 4, "OV": 8, "OD": 8}
"""Bytes of one word of the value representations that byte order turns round."""
_WELL_KNOWN = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes)


def sent_frame(file: BinaryIO, frame: int, *, as_stored: bool) -> tuple[Mapping[str, Any], bytes]:
    """One frame, counted from 1, and its transfer syntax: the codestream as stored where that is wanted and tells
    the truth about itself, else uncompressed little endian."""
    file.seek(0)
    header = dcmread(file, force=True, stop_before_pixels=True)
    stored = header.file_meta.get("TransferSyntaxUID")
    if as_stored and stored and UID(stored).is_encapsulated:
        codestream = _codestream(file, header, frame)
        if agrees(header, UID(stored), codestream):
            return {"syntax": stored}, codestream
    return {"syntax": ExplicitVRLittleEndian}, native_frame(file, header, frame)


def agrees(header: Dataset, syntax: UID, codestream: bytes) -> bool:
    """Whether a codestream has the bits, sign and size that the header says; browsers believe the codestream."""
    bits, signed = number(header, "BitsStored"), bool(number(header, "PixelRepresentation"))
    if syntax in JPEG2000TransferSyntaxes:
        found = get_j2k_parameters(codestream)
        return (found.get("precision"), found.get("is_signed")) == (bits, signed)
    if syntax in _WELL_KNOWN:
        found = _get_jpg_parameters(codestream)
        size = (found.get("height"), found.get("width"), found.get("components"))
        said = (header.get("Rows"), header.get("Columns"), header.get("SamplesPerPixel"))
        return (found.get("precision"), size) == (bits, said)
    return syntax == RLELossless  # an RLE frame says nothing of itself; what else there is, is sent decoded


def native_frame(file: BinaryIO, header: Dataset, frame: int) -> bytes:
    """One frame, counted from 1, as uncompressed little endian has it: by planes or pixels as the header says."""
    syntax = checked(header, frame)
    if not syntax.is_encapsulated and syntax not in {ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}:
        return _slice(file, header, frame)
    if syntax.is_encapsulated:
        picture = decoded(file, header, syntax, frame)
    else:
        file.seek(0)
        picture = np.asarray(pixel_array(dcmread(file, force=True), index=frame - 1, raw=True))
    return little(_planes(picture, described(header)))


def described(header: Dataset) -> Dataset:
    """`header`, with what it says of colours changed to what they are once they are decoded (PS3.5 8.2)."""
    colour = (number(header, "SamplesPerPixel") or 1) > 1
    if colour and UID(header.file_meta.get("TransferSyntaxUID", "")).is_encapsulated:
        header.PhotometricInterpretation = "RGB"
        header.PlanarConfiguration = 0
    return header


def decoded_object(file: BinaryIO) -> bytes:
    """The whole object in Explicit VR Little Endian."""
    file.seek(0)
    dataset = dcmread(file, force=True)
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or "")
    if not syntax:
        raise Unreadable("The object does not name its transfer syntax.")
    if syntax == ExplicitVRBigEndian or syntax.is_encapsulated:
        _in_little_endian(file, dataset, syntax)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for tag in [tag for tag in dataset.keys() if tag.group < 0x0008]:  # noqa: SIM118 - see foreign_json
        del dataset[tag]  # commands and directories have no place in an object, and are found in some
    written = BytesIO()
    dcmwrite(written, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return written.getvalue()


def turned(dataset: Dataset) -> Dataset:
    """`dataset` out of big endian, its words turned round; pydicom turns numbers by itself and leaves words."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                turned(item)
        elif element.VR in _WORDS and isinstance(element.value, bytes):
            width = _WORDS[element.VR]
            whole = element.value[: len(element.value) // width * width]
            element.value = np.frombuffer(whole, f"u{width}").byteswap().tobytes()
    return dataset


def little(picture: NDArray[Any]) -> bytes:
    return picture.astype(picture.dtype.newbyteorder("<"), copy=False).tobytes()


def _in_little_endian(file: BinaryIO, dataset: Dataset, syntax: UID) -> None:
    pixels = any(tag in dataset for tag in PIXELS)
    frames = range(1, int(number(dataset, "NumberOfFrames") or 1) + 1)
    native = b"".join(native_frame(file, dataset, frame) for frame in frames) if pixels else b""
    if syntax == ExplicitVRBigEndian:
        turned(dataset)
    if pixels and "PixelData" in dataset:
        described(dataset)
        dataset["PixelData"].VR = "OW" if (number(dataset, "BitsAllocated") or 8) > 8 else "OB"
        dataset["PixelData"].is_undefined_length = False
        dataset.PixelData = native + b"\0" * (len(native) % 2)


def _codestream(file: BinaryIO, header: Dataset, frame: int) -> bytes:
    try:
        found = find_pixels(file)
    except Odd as odd:
        raise Unsupported("The object's frames cannot be taken out one by one.") from odd
    if found is None or not found.encapsulated:
        raise Unsupported("The object has no frames.")
    frames = int(number(header, "NumberOfFrames") or 1)
    if not 1 <= frame <= frames:
        raise Unsupported(f"Frame {frame} was asked for; the object has {frames}.")
    file.seek(found.offset)
    try:
        return get_frame(file.read(found.length), frame - 1, number_of_frames=frames)  # type: ignore[no-any-return, unused-ignore]
    except (ValueError, IndexError, EOFError) as error:
        raise Unreadable("The object's frames cannot be told apart.") from error


def _slice(file: BinaryIO, header: Dataset, frame: int) -> bytes:
    """The bytes of one native frame as they are."""
    frames = int(number(header, "NumberOfFrames") or 1)
    size = bytes_said(header) / frames
    if size != int(size):
        raise Unsupported("The object's frames do not begin at whole bytes; ask for the object itself.")
    start, found = int(size) * (frame - 1), _native(file)
    value = found.read(start, int(size))
    if len(value) < size:
        raise Unreadable("The pixel data is shorter than rows x columns say.")
    return value


@dataclass(frozen=True, slots=True)
class _Native:
    """Uncompressed Pixel Data: a part of the file, or of a value that was read."""

    file: BinaryIO
    offset: int
    length: int

    def read(self, start: int, size: int) -> bytes:
        self.file.seek(self.offset + start)
        return self.file.read(max(0, min(size, self.length - start)))


def _native(file: BinaryIO) -> _Native:
    try:
        found = find_pixels(file)
    except Odd:  # more elements than the scanner takes: an enhanced object with thousands of frames
        file.seek(0)
        dataset = dcmread(file, force=True)
        value = next((dataset[tag].value for tag in PIXELS if tag in dataset), b"")
        return _Native(BytesIO(value), 0, len(value))
    if found is None or found.encapsulated:
        raise Unreadable("The object has no pixel data, or not as its transfer syntax says.")
    return _Native(file, found.offset, found.length)


def _planes(picture: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Colour by plane where the header says so (PS3.3 C.7.6.3.1.3)."""
    by_plane = picture.ndim == 3 and number(header, "PlanarConfiguration") == 1
    return np.ascontiguousarray(np.moveaxis(picture, -1, 0)) if by_plane else picture
