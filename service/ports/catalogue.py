"""Catalogue: what pages and operators look at. Reads only; bounded by `limit`; fast with a million studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pydicom.uid import UID

from service.domain.delivery import SENT_AGAIN, Delivery, DeliveryState
from service.domain.event import Event
from service.domain.job import Job, JobState, Step
from service.domain.rule import Priority
from service.domain.study import Identity, Manifest

_ENDED = frozenset({JobState.COMPLETED, JobState.CANCELED, JobState.RECALLED})
REVIEWABLE = ("done", "delivering", "attention")
"""States of a study whose drafts a person can work on."""
Place = tuple[int, datetime, str]
"""Keyset of the work list: (priority, received_last, study UID)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyQuery:
    """Filters of the studies page; empty asks nothing. Text matches a prefix without regard to case."""

    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    study_instance_uid: str = ""
    modality: str = ""
    state: str = ""
    """One of the states of StudyRow."""
    received_since: datetime | None = None
    received_until: datetime | None = None
    before: tuple[datetime, str] | None = None
    """Keyset of the last row of the page before: (received_last, study UID)."""
    limit: int = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRow:
    """A line of the studies page. `state` is receiving, unmatched, scheduled, reading, delivering, done,
    attention (something refused, held, expired, canceled or failed)."""

    study_instance_uid: UID
    identity: Identity
    source: str
    modalities: tuple[str, ...]
    instances: int
    received_first: datetime
    received_last: datetime
    state: str
    note: str
    """The last event in plain words."""
    series: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A line of the work list: a study with a draft that nobody has signed or rejected."""

    row: StudyRow
    priority: Priority
    """The most urgent one of its waiting drafts."""
    outcomes: tuple[str, ...]
    """Of its waiting drafts, by the names of their rules."""
    saved_by: str = ""
    """Who has saved one of them last; empty if nobody has."""
    saved_at: datetime | None = None

    @property
    def place(self) -> Place:
        return int(self.priority), self.row.received_last, str(self.row.study_instance_uid)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultObject:
    """One encoded result as the pages show it."""

    job_id: str
    role: str
    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
    location: str
    sha256: str
    size: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRecord:
    """A job with what it left behind."""

    job: Job
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_due: datetime | None
    outcome: str
    report: str
    """The report as JSON text; empty until it is finished."""
    provenance: str
    steps: tuple[Step, ...]
    generation: int = 0
    """Orders the readings of a study; what encodes one again has that one's."""
    on_rejected: bool = False
    """Whether an image that it read was rejected since: only the study, not this job, can be read again."""

    @property
    def can_run_again(self) -> bool:
        """Whether an operator can have it run again."""
        return self.job.state in _ENDED and not self.on_rejected

    @property
    def reading(self) -> str:
        """Identifier of the reading that this job is, or encodes again: its first job's."""
        return str(self.generation) if self.generation else self.job.job_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRecord:
    """A delivery with its times."""

    delivery: Delivery
    created_at: datetime
    next_due: datetime | None
    sent_at: datetime | None
    overtaken: bool = False
    """Withdrawn, or encoded under an older identity than the study's: it leaves no more."""

    @property
    def can_go_again(self) -> bool:
        """Whether a person can have it sent again, or released."""
        return self.delivery.state in SENT_AGAIN and not self.overtaken


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRecord:
    """Everything that is known of one study."""

    row: StudyRow
    identity_version: int
    manifests: tuple[Manifest, ...]
    jobs: tuple[JobRecord, ...]
    objects: tuple[ResultObject, ...]
    deliveries: tuple[DeliveryRecord, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneDepth:
    """How many rows a lane holds and since when the oldest waits."""

    lane: str
    waiting: int
    working: int
    retrying: int
    """Waiting rows that failed before."""
    oldest: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimes:
    """Seconds that a stage took, over the asked window."""

    stage: str
    """assemble, read or deliver."""
    count: int
    p50_s: float
    p95_s: float


class Catalogue(Protocol):
    def studies(self, query: StudyQuery) -> Sequence[StudyRow]:
        """Newest first."""
        ...

    def waiting(self, *, after: Place | None = None, limit: int = 50) -> Sequence[Waiting]:
        """Studies with a draft that can be signed and that nobody has signed or rejected: the most urgent first, of
        these the one that waits longest. Only studies in a state in `REVIEWABLE`."""
        ...

    def record(self, study_instance_uid: UID) -> StudyRecord | None: ...

    def jobs(self, *, state: JobState | None = None, limit: int = 100) -> Sequence[JobRecord]:
        """Newest first."""
        ...

    def job(self, job_id: str) -> JobRecord | None: ...

    def deliveries(
        self, *, states: Sequence[DeliveryState] = (), destination: str = "", limit: int = 100
    ) -> Sequence[DeliveryRecord]:
        """Newest first; all states if none is named."""
        ...

    def depths(self) -> Sequence[LaneDepth]: ...

    def stage_times(self, *, window: timedelta, now: datetime) -> Sequence[StageTimes]: ...

    def attention(self) -> int:
        """Studies that need a person."""
        ...

    def counts(self) -> dict[str, int]:
        """Totals for metrics: instances, studies, jobs by state ("job COMPLETED"), deliveries by state
        ("delivery SENT"), objects, conflicts, and "studies in attention". Counted one by one: the more there are, the
        longer it takes."""
        ...

    def recent_events(self, *, limit: int = 100) -> Sequence[Event]:
        """Newest first, over all studies."""
        ...

    def issued_objects(self, study_instance_uid: UID) -> Sequence[ResultObject]: ...
