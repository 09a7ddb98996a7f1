"""Pseudonyms: other names, UIDs and dates in place of those of people, always the same ones under one key.

The key stays with the site: whoever has an export alone cannot go back, and two exports under one key belong together.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.uid import UID

KEY_BYTES = 32
_ROOT = "1.2.840.10008."
"""UIDs that the standard gives out: classes, syntaxes, frames of reference that everybody knows."""
_NEAREST, _FARTHEST = 30, 3650
"""Days by which dates are moved back."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What stands for what, under one key."""

    key: bytes

    @property
    def fingerprint(self) -> str:
        """Says of two exports whether they were made under one key, and nothing of the key."""
        return self._digest("fingerprint", "")[:16]

    def of(self, kind: str, value: str) -> str:
        """A pseudonym such as "patient-5f2a0c77d1e4b39a"; of nothing, nothing."""
        return f"{kind}-{self._digest(kind, value)[:16]}" if value else ""

    def uid(self, value: str) -> UID:
        """A UID of the form 2.25 (PS3.5 B.2); one that the standard gives out stays."""
        if not value or value.startswith(_ROOT):
            return UID(value)
        number = int(self._digest("uid", value)[:32], 16) & ~(0xF << 76) | (4 << 76)
        return UID(f"2.25.{number}")

    def days(self, patient: str) -> int:
        """By how many days the dates of one patient are moved back."""
        return _NEAREST + int(self._digest("days", patient)[:12], 16) % (_FARTHEST - _NEAREST)

    def date(self, value: str, patient: str) -> str:
        """A DICOM DA moved back; empty for what is no date."""
        try:
            moved = datetime.strptime(value.strip()[:8], "%Y%m%d") - timedelta(days=self.days(patient))
        except (ValueError, OverflowError):
            return ""
        return f"{moved.year:04}{moved:%m%d}"

    def instant(self, value: datetime, patient: str) -> datetime:
        return value - timedelta(days=self.days(patient))

    def _digest(self, kind: str, value: str) -> str:
        said = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key, said, hashlib.sha256).hexdigest()
