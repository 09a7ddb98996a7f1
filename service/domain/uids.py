"""UIDs that follow from what an object is, so that a retry repeats them (PS3.5 B.2, UUID-derived)."""

from __future__ import annotations

import hashlib
import re

from pydicom.uid import UID

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")


def derive_uid(*parts: str | int) -> UID:
    """Return the UID `2.25.<128 bit of SHA-256>` of `parts`; equal parts, equal UID.

    Parts are separated by a byte that no part may contain, so ("a", "b") and ("ab",) differ.
    """
    digest = hashlib.sha256("\x00".join(str(part) for part in parts).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def is_uid(text: str) -> bool:
    """Whether `text` is a UID by PS3.5 9.1: at most 64 characters, digits and dots, no leading zeros."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None
