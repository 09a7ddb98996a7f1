"""Rejection: instances that a note declares unfit for use (IHE RAD TF-3 4.66, Imaging Object Change Management)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

from pydicom.uid import UID

from service.domain.code import Code

NOTE = "rejection-note"
"""Role of a rejection note of ours."""


class Reason(Enum):
    """Why instances are rejected: the titles of a rejection note (PS3.16 CID 7010)."""

    QUALITY = Code("113001", "DCM", "Rejected for Quality Reasons")
    SAFETY = Code("113037", "DCM", "Rejected for Patient Safety Reasons")
    WORKLIST = Code("113038", "DCM", "Incorrect Modality Worklist Entry")
    RETENTION = Code("113039", "DCM", "Data Retention Policy Expired")

    @property
    def words(self) -> str:
        return self.value.meaning

    @property
    def told(self) -> bool:
        """Whether what we withdraw because of it is told to those who have it. Expired data is deleted everywhere:
        a note about it would bring the study back to life."""
        return self is not Reason.RETENTION

    @classmethod
    def of(cls, value: str, scheme: str = "DCM") -> Self | None:
        """The reason of that code; None for every other title of a Key Object Selection."""
        return next((each for each in cls if (each.value.value, each.value.scheme) == (value, scheme)), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """What a received note says: its reason, and the instances of one study that it rejects."""

    reason: Reason
    instances: tuple[UID, ...]


class Issued(NamedTuple):
    """A result of ours that is, or may be, somewhere else."""

    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
