"""Event: one line of a study's timeline, in plain words, without patient data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    RECEIVED = "received"
    DUPLICATE = "duplicate"
    CORRECTED = "corrected"
    CONFLICT = "conflict"
    ECHO = "echo"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    ASSEMBLED = "assembled"
    ROUTED = "routed"
    UNMATCHED = "unmatched"
    STEP = "step"
    JOB = "job"
    DELIVERY = "delivery"
    OPERATOR = "operator"
    REVIEWED = "reviewed"
    RETURNED = "returned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened to a study, a job, a delivery or an association."""

    at: datetime
    kind: EventKind
    text: str
    """One sentence for a person; never patient data (UIDs and node names are allowed)."""
    study_instance_uid: str = ""
    job_id: str = ""
    delivery_id: str = ""
    took_s: float | None = None
