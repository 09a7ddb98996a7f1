"""Headers: what a received Part 10 object says of itself, read without trusting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from service.domain.rejection import Rejection
from service.domain.returned import Assessment, Document
from service.domain.segmented import Grid, Marks, Segmentation
from service.domain.study import Identity, Instance


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The indexed part of a DICOM header."""

    instance: Instance
    identity: Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """File meta information (PS3.10 7.1) as we write it, in place of a sender's."""

    sop_class_uid: str
    sop_instance_uid: str
    encoded: bytes
    replaces: int
    """Bytes at the beginning of what was sent that it takes the place of."""


class Headers(Protocol):
    """Reads headers within bounds of time, depth and memory (invariant 12)."""

    def read(self, part10: BinaryIO) -> Header:
        """Index a Part 10 stream. Raises Unreadable with the reason in words."""
        ...

    def same_pixels(self, one: BinaryIO, other: BinaryIO) -> bool:
        """Whether two Part 10 streams carry the same Pixel Data; True if neither has any.

        For objects without pixels the whole dataset below group 7FE0 is not compared.
        """
        ...

    def rejection(self, part10: BinaryIO) -> Rejection | None:
        """What a Key Object Selection rejects of its own study; None for one of another title.

        Raises Unreadable.
        """
        ...

    def document(self, part10: BinaryIO) -> Document:
        """What a structured report says, whatever its structure. Raises Unreadable."""
        ...

    def segmentation(self, part10: BinaryIO) -> Segmentation:
        """What a segmentation says beside its pixels. Raises Unreadable, Unsupported."""
        ...

    def marks(self, part10: BinaryIO, onto: Grid | None = None) -> Marks:
        """The pixels of a segmentation, laid onto the grid of another one. Raises Unreadable, and Unsupported where
        they do not lie on it."""
        ...

    def assessment(self, part10: BinaryIO) -> Assessment:
        """What Content Assessment Results say (PS3.3 C.33.1). Raises Unreadable."""
        ...
