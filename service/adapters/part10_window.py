"""A Part 10 stream read through a window, from its preamble to its dataset (PS3.10 7, PS3.5 7.1)."""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from service.domain.errors import Unreadable

MAX_VALUE = 16_384
"""Bytes of one value that are read; the rest is skipped."""
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_TAG, _LENGTH, _LENGTH16 = Struct("<HH").unpack_from, Struct("<I").unpack_from, Struct("<H").unpack_from
ODD_SYNTAXES = frozenset(
    (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        "1.2.840.10008.1.2.4.95",
        "1.2.840.10008.1.2.4.205",
        "1.2.840.113619.5.2",
    )
)
"""Deflated (JPIP too), big endian and GE's private syntax: read by pydicom in the bounded child."""


class Odd(Exception):
    """Not what this scanner reads; pydicom may."""


class Window:
    """A stream read through a buffer, with a position that only moves forward."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = stream.seek(0, 2)
        self.position = 0
        self._start = 0
        self._buffer = b""

    def at(self, length: int) -> tuple[bytes, int]:
        """A buffer and the offset in it of at least `length` bytes at the position."""
        offset = self.position - self._start
        if not 0 <= offset <= len(self._buffer) - length:
            if self.position + length > self.size:
                raise Unreadable("The object ends in the middle of an element.")
            self._stream.seek(self.position)
            self._buffer = self._stream.read(max(length, 32_768))
            self._start, offset = self.position, 0
            if len(self._buffer) < length:
                raise Unreadable("The object could not be read to its end.")
        return self._buffer, offset

    def take(self, length: int) -> bytes:
        buffer, offset = self.at(length)
        self.position += length
        return buffer[offset : offset + length]

    def value(self, length: int) -> bytes:
        """The first MAX_VALUE bytes of a value of `length`, and the position after it."""
        end = self.position + length
        found = self.take(min(length, MAX_VALUE))
        self.position = end
        return found


def skip_meta(window: Window) -> str:
    """Move to the dataset and return its transfer syntax (PS3.10 7.1). Raises Odd if there is no file meta."""
    if window.size < 132 or window.take(132)[128:] != b"DICM":
        raise Odd("no preamble")
    syntax = b""
    while window.position + 8 <= window.size:
        buffer, offset = window.at(8)
        group, element = _TAG(buffer, offset)
        if group != 2:
            break
        _, length, size = explicit_header(window)
        window.position += size
        if window.position + length > window.size:
            raise Unreadable("The file meta information is longer than the object.")
        value = window.value(length)
        if element == 0x10:
            syntax = value
    if not syntax:
        raise Odd("no transfer syntax")
    return syntax.strip(b"\0 ").decode("ascii", "replace")


def explicit_header(window: Window) -> tuple[bytes, int, int]:
    """VR, value length and header size of the explicit VR element at the position. Raises Odd for no VR."""
    buffer, offset = window.at(8)
    vr = buffer[offset + 4 : offset + 6]
    if vr in SHORT:
        return vr, _LENGTH16(buffer, offset + 6)[0], 8
    if vr in LONG:
        buffer, offset = window.at(12)
        return vr, _LENGTH(buffer, offset + 8)[0], 12
    raise Odd("no value representation")
