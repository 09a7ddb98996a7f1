"""Job and Step with their states, named after the Unified Procedure Step (PS3.4 CC.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydicom.uid import UID

from service.domain.rule import Mode, Priority


class JobState(StrEnum):
    SCHEDULED = "SCHEDULED"  #: waiting for a worker
    IN_PROGRESS = "IN PROGRESS"  #: one worker holds the lease
    COMPLETED = "COMPLETED"  #: its results are recorded and owed to their destinations
    CANCELED = "CANCELED"  #: given up; `reason` says why
    RECALLED = "RECALLED"  #: its results were withdrawn after the fact; `reason` says why. No state of a UPS.


class JobEvent(StrEnum):
    CLAIMED = "claimed"
    RECORDED = "recorded"
    DEFERRED = "deferred"
    LEASE_EXPIRED = "lease expired"
    ABANDONED = "abandoned"
    RECALLED = "recalled"


JOB_TRANSITIONS: dict[tuple[JobState, JobEvent], JobState] = {
    (JobState.SCHEDULED, JobEvent.CLAIMED): JobState.IN_PROGRESS,
    (JobState.SCHEDULED, JobEvent.ABANDONED): JobState.CANCELED,
    (JobState.IN_PROGRESS, JobEvent.RECORDED): JobState.COMPLETED,
    (JobState.IN_PROGRESS, JobEvent.DEFERRED): JobState.SCHEDULED,
    (JobState.IN_PROGRESS, JobEvent.LEASE_EXPIRED): JobState.SCHEDULED,
    (JobState.IN_PROGRESS, JobEvent.ABANDONED): JobState.CANCELED,
    (JobState.COMPLETED, JobEvent.RECALLED): JobState.RECALLED,
}


class IllegalTransition(Exception):
    """This event cannot happen in this state."""


def job_after(state: JobState, event: JobEvent) -> JobState:
    """Return the state that follows `event`; raise IllegalTransition where the table has no line."""
    try:
        return JOB_TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} while {state}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One protocol on one manifest, once. A replay is a new job with a higher run number."""

    job_id: str
    study_instance_uid: UID
    manifest_version: int
    identity_version: int
    protocol: str
    rule: str
    config_version: int
    mode: Mode
    priority: Priority
    run_number: int = 1
    state: JobState = JobState.SCHEDULED
    attempt: int = 0
    crashes: int = 0
    """Attempts in a row whose worker never came back; two of them quarantine the job."""
    reason: str = ""
    deadline: datetime | None = None
    origin: str | None = None
    """The job whose answers this one encodes again (a corrected identity); None for a reading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one protocol step brought; kept so that a retry does not ask a GPU again."""

    ordinal: int
    kind: str
    algorithm: str
    answer: str
    """The model's raw answers as JSON text, or the reason for having none."""
    error: str
    """Empty if the step succeeded, else why it gave nothing."""
    model_digest: str
    prompt_digest: str
    attempt: int
    started_at: datetime
    took_s: float


MAX_CRASHES = 2
"""A job that took its worker down so often is not read again: its report says so."""


def retry_after(attempt: int) -> timedelta:
    """Back-off of a job whose model server or disk is away: 2 s, 4 s, ... at most one minute."""
    return timedelta(seconds=min(60, 2 ** min(attempt, 6)))
