"""Viewing: a stored instance as a viewer asks for it (PS3.18): header, frames, pictures, the object itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from pydicom.uid import UID

from service.domain.study import StoredInstance


@dataclass(frozen=True, slots=True)
class SentFrame:
    """One frame's bytes and the transfer syntax that they are in."""

    body: bytes | bytearray
    syntax: UID


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a frame is drawn (PS3.18 8.3.5.1). Without a window the object's own is used."""

    png: bool = False
    """PNG instead of JPEG."""
    quality: int = 90
    """Of a JPEG, 1 to 100."""
    window: tuple[float, float, str] | None = None
    """Centre, width and function: LINEAR, LINEAR_EXACT or SIGMOID."""
    viewport: tuple[int, int] | None = None
    """Width and height in pixels that the picture fits into, its shape kept."""


class Viewing(Protocol):
    """Foreign bytes are parsed within bounds of time and memory (invariant 12).

    Each raises Unreadable for a broken object, Unsupported for what nobody here decodes or the object does not have,
    Gone for bytes that were kept and are no more, Unavailable for a reader or disk that is away.
    """

    def open(self, stored: StoredInstance) -> BinaryIO:
        """The bytes as they came, in the DICOM file format."""
        ...

    def decoded(self, stored: StoredInstance) -> bytes | bytearray:
        """The object in Explicit VR Little Endian, its pixels uncompressed."""
        ...

    def metadata(self, stored: StoredInstance, *, base: str) -> bytes | bytearray:
        """The header in the DICOM JSON model; larger values as BulkDataURI below the address `base`.

        Of compressed colour it describes the pixels as they are once they are decoded.
        """
        ...

    def bulk(self, stored: StoredInstance, path: str) -> bytes | bytearray:
        """The value, little endian, that `metadata` named as `path` below its base."""
        ...

    def frame(self, stored: StoredInstance, number: int, *, as_stored: bool) -> SentFrame:
        """Frame `number`, from 1. Compressed only if `as_stored` allows it and header and codestream agree."""
        ...

    def picture(self, stored: StoredInstance, number: int, look: Look) -> bytes | bytearray:
        """Frame `number` drawn."""
        ...
