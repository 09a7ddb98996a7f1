"""Headers of Part 10 objects: an own scanner for what nearly everybody sends, pydicom in a child for the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from service.adapters.bounded import HEADER_BOUNDS, PIXEL_BOUNDS, Bounded
from service.adapters.part10_index import index
from service.adapters.part10_pixels import find_pixels
from service.adapters.part10_scan import RawHeader, Values, scan
from service.adapters.part10_segmentation import grid_told, marks, segmentation
from service.adapters.part10_window import Odd, Window, skip_meta
from service.domain.errors import Unreadable, Unsupported
from service.domain.rejection import Reason, Rejection
from service.domain.report import Region, Section
from service.domain.returned import Assessment, Box, Document
from service.domain.segmented import Grid, Marks, Segmentation
from service.domain.uids import is_uid
from service.ports.headers import Header

_CHUNK = 1024**2
_LOSSLESS = frozenset(
    (
        *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
        *(RLELossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless),
        *(JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL),
    )
)


class Part10Headers:
    """`service.ports.headers.Headers`; children are started when the first odd object comes."""

    def __init__(self, *, children: int = 2) -> None:
        self._headers = Bounded(HEADER_BOUNDS, children=children)
        self._pixels = Bounded(PIXEL_BOUNDS, children=1)

    def read(self, part10: BinaryIO) -> Header:
        try:
            raw = scan(part10)
        except Odd:
            raw = _raw(self._headers.ask("header", part10).head)
            if not raw.values:
                raise Unreadable("It is no DICOM object.") from None
        return index(raw)

    def same_pixels(self, one: BinaryIO, other: BinaryIO) -> bool:
        """As the port says; a lossless recompression of the same pictures has the same pixels, too."""
        try:
            if self._digest(one) == self._digest(other):
                return True
            return _lossless(one) and _lossless(other) and self._shown(one) == self._shown(other)
        except (Odd, Unreadable, Unsupported):
            return False  # what cannot be compared is not known to be the same

    def rejection(self, part10: BinaryIO) -> Rejection | None:
        said = self._headers.ask("rejection", part10).head
        reason = Reason.of(said["title"], said["scheme"])
        if reason is None:
            return None
        return Rejection(reason=reason, instances=_uids(said["instances"]))

    def document(self, part10: BinaryIO) -> Document:
        said = self._headers.ask("document", part10).head
        return Document(
            verified=bool(said["verified"]),
            person=said["person"],
            predecessors=_uids(said["predecessors"]),
            studies=_uids(said["studies"]),
            tracked=tuple((str(uid), str(words)) for uid, words in said["tracked"]),
            lines=tuple((Section(section), str(text)) for section, text in said["lines"]),
            boxes=tuple(Box(**{**box, "region": Region(**box["region"])}) for box in said["boxes"]),
            evidence=frozenset(_uids(said["evidence"])),
            title=said["title"],
        )

    def segmentation(self, part10: BinaryIO) -> Segmentation:
        return segmentation(self._headers.ask("segments", part10).head)

    def marks(self, part10: BinaryIO, onto: Grid | None = None) -> Marks:
        return marks(self._pixels.ask("marks", part10, {"onto": grid_told(onto) if onto else None}))

    def assessment(self, part10: BinaryIO) -> Assessment:
        said = self._headers.ask("assessment", part10).head
        return Assessment(
            person=said["person"],
            verdict=said["verdict"],
            assessed=_uids(said["assessed"]),
            remarks=tuple(str(words) for words in said["remarks"]),
        )

    def close(self) -> None:
        """End the children."""
        self._headers.close()
        self._pixels.close()

    def _shown(self, part10: BinaryIO) -> str:
        """SHA-256 over the decoded frames."""
        return str(self._pixels.ask("picture digest", part10).head["digest"])

    def _digest(self, part10: BinaryIO) -> str:
        """SHA-256 of the Pixel Data's value; empty without one."""
        try:
            found = find_pixels(part10)
        except Odd:
            return str(self._pixels.ask("pixel digest", part10).head["digest"])
        if found is None:
            return ""
        sha256, left = hashlib.sha256(), found.length
        part10.seek(found.offset)
        while left > 0 and (chunk := part10.read(min(left, _CHUNK))):
            sha256.update(chunk)
            left -= len(chunk)
        return sha256.hexdigest()


def _uids(texts: Iterable[str]) -> tuple[UID, ...]:
    return tuple(UID(text) for text in texts if is_uid(text))


def _lossless(part10: BinaryIO) -> bool:
    return skip_meta(Window(part10)) in _LOSSLESS


def _raw(head: Mapping[str, Any]) -> RawHeader:
    def values(found: Mapping[str, str]) -> Values:
        return {int(tag): bytes.fromhex(value) for tag, value in found.items()}

    items = {int(tag): [values(item) for item in rows] for tag, rows in head["items"].items()}
    return RawHeader(transfer_syntax=head["syntax"], values=values(head["values"]), items=items)
