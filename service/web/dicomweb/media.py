"""Media: what a client accepts (PS3.18 8.7), and what of it can be sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import HTTPException, Request
from pydicom.uid import (
    HTJ2K,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

DICOM, JSON, BYTES, JPEG, PNG = (
    "application/dicom", "application/dicom+json", "application/octet-stream", "image/jpeg", "image/png",
)  # fmt: skip
MULTIPART = "multipart/related"
ANY = "*"
"""As a transfer syntax: the one that it is stored in."""

_COMMA = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_KINDS: tuple[tuple[Iterable[str], str], ...] = (
    (JPEGTransferSyntaxes, "image/jpeg"),
    (JPEGLSTransferSyntaxes, "image/jls"),
    ((HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL), "image/jphc"),
    (JPEG2000TransferSyntaxes, "image/jp2"),
    ((RLELossless,), "image/dicom-rle"),
)


@dataclass(frozen=True, slots=True)
class Range:
    """One media range of an Accept header; of a multipart one, that of its parts."""

    kind: str
    """Such as image/jp2, image/* or */*."""
    multipart: bool = False
    syntax: str = ""
    """Transfer syntax, ANY, or empty where none is named: Explicit VR Little Endian then (PS3.18 8.7.3.5.2)."""
    quality: float = 1.0

    def takes(self, kind: str) -> bool:
        return self.kind in {"*/*", kind, f"{kind.split('/')[0]}/*"}

    def takes_object(self, stored: UID) -> bool:
        """Whether an object stored in that transfer syntax can be sent as application/dicom."""
        return self.takes(DICOM) and self.syntax in {"", ANY, stored, ExplicitVRLittleEndian}

    def takes_frame(self, stored: UID) -> bool:
        """Whether a compressed frame may be sent as it is stored."""
        if not stored.is_encapsulated:
            return False
        if self.kind == BYTES:
            return self.syntax in {ANY, stored}
        return self.kind == kind_of(stored) and self.syntax in {"", ANY, stored}

    @property
    def takes_decoded(self) -> bool:
        """Whether frames may be sent uncompressed."""
        return self.takes(BYTES) and self.syntax in {"", ANY, ExplicitVRLittleEndian}


def kind_of(syntax: UID) -> str:
    """The media type of one compressed frame (PS3.18 table 8.7.3-2)."""
    return next((kind for syntaxes, kind in _KINDS if syntax in syntaxes), BYTES)


def accepted(request: Request) -> tuple[Range, ...]:
    """What the client accepts, best first; the query parameter `accept` comes before the header (PS3.18 8.3.3.1)."""
    text = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    found = [_range(part) for part in _COMMA.split(text[:4096]) if part.strip()]
    return tuple(sorted((each for each in found if each.quality > 0), key=lambda each: -each.quality))


def not_acceptable(offered: Sequence[str]) -> HTTPException:
    return HTTPException(406, f"None of the media types that are asked for can be sent. Offered: {'; '.join(offered)}.")


def chosen(ranges: Sequence[Range], offers: Sequence[str]) -> str:
    """The offer that the client likes best; of equals the first offer. Raises 406."""
    for each in ranges:
        for offer in offers:
            if each.takes(offer):
                return offer
    raise not_acceptable(offers)


def _range(text: str) -> Range:
    kind, *rest = (part.strip() for part in text.split(";"))
    kind = kind.lower()
    pairs = (part.partition("=") for part in rest)
    named = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    multipart = kind == MULTIPART
    inner = named.get("type", "*/*").lower() if multipart else kind
    return Range(inner, multipart, named.get("transfer-syntax", ""), _quality(named.get("q", "1")))


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
