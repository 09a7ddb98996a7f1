"""Notes: writes the objects that say that others must not be used any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydicom.uid import UID

from service.domain.rejection import Issued, Reason
from service.domain.report import Report
from service.domain.study import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """What a rejection note is written from; every UID and the time come from the caller."""

    report: Report
    """Of the reading: its algorithms are named."""
    identity: Identity
    study_instance_uid: UID
    series_instance_uid: UID
    sop_instance_uid: UID
    reason: Reason
    instances: tuple[Issued, ...]
    created_at: datetime
    """Aware, in the site's zone."""


class Notes(Protocol):
    SOP_CLASS_UID: UID

    def write(self, rejected: Rejected) -> bytes:
        """Part 10 bytes of a rejection note; equal input, equal bytes."""
        ...
