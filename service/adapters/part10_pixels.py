"""Where the Pixel Data of a little endian Part 10 stream lies, without reading it (PS3.5 A.4)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO

from pydicom.uid import ImplicitVRLittleEndian

from service.adapters.part10_scan import UNDEFINED, RawHeader, Scan, TooMany
from service.adapters.part10_window import ODD_SYNTAXES, Odd, Window, explicit_header, skip_meta
from service.domain.errors import Unreadable

_TAG_LENGTH = Struct("<HHI").unpack_from
_GROUP = 0x7FE0
_ELEMENTS = (0x0008, 0x0009, 0x0010)
MAX_FRAGMENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class PixelData:
    """The value of the Pixel Data element; encapsulated ones begin with their Basic Offset Table item."""

    offset: int
    length: int
    encapsulated: bool


def find_pixels(stream: BinaryIO) -> PixelData | None:
    """None if there is none. Raises Odd for what pydicom has to read, Unreadable beyond the bounds."""
    window = Window(stream)
    syntax = skip_meta(window)
    if syntax in ODD_SYNTAXES:
        raise Odd(syntax)
    implicit = syntax == ImplicitVRLittleEndian
    try:
        if not Scan(window, RawHeader(syntax)).until(_GROUP << 16, implicit=implicit):
            return None
    except TooMany as many:
        raise Odd("many elements") from many  # an enhanced multi-frame object with thousands of frames
    while window.position + 8 <= window.size:
        buffer, offset = window.at(8)
        group, element, length = _TAG_LENGTH(buffer, offset)
        if group != _GROUP:
            return None
        size = 8
        if not implicit:
            _, length, size = explicit_header(window)
        window.position += size
        if element in _ELEMENTS:
            return _found(window, length)
        window.position += length
    return None


def _found(window: Window, length: int) -> PixelData:
    start = window.position
    if length != UNDEFINED:
        # A truncated object has what it has; two of them may still be compared.
        return PixelData(start, min(length, window.size - start), encapsulated=False)
    for _ in range(MAX_FRAGMENTS):
        if window.position + 8 > window.size:
            return PixelData(start, window.size - start, encapsulated=True)
        buffer, offset = window.at(8)
        group, element, length = _TAG_LENGTH(buffer, offset)
        if (group, element) != (0xFFFE, 0xE000):
            return PixelData(start, window.position - start, encapsulated=True)
        window.position += 8 + length
    raise Unreadable(f"The pixel data has more than {MAX_FRAGMENTS} fragments.")
