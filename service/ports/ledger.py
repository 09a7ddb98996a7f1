"""Ledger: the one durable record. Every method is one transaction; leases use the database's clock.

The port is drawn in parts by who uses it; `Ledger` at the end is their sum. Adapters raise Unavailable
when the database is locked beyond its bounded wait or away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydicom.uid import UID, ExplicitVRLittleEndian

from service.domain.assembly import Arrival
from service.domain.delivery import Delivery, DeliveryEvent
from service.domain.event import Event
from service.domain.job import Job, Step
from service.domain.rejection import Issued, Reason, Rejection
from service.domain.report import Outcome
from service.domain.rule import Mode, Priority
from service.domain.study import Identity, Manifest, StoredInstance, Study

# --- receiving -------------------------------------------------------------------------------------------


class Admission(StrEnum):
    """What the ledger made of a received instance."""

    NEW = "new"
    DUPLICATE = "duplicate"  #: the same bytes again: success, nothing changes
    CORRECTED = "corrected"  #: same UID and pixels, another header: a new identity version
    CONFLICT = "conflict"  #: same UID, other pixels: the first is kept, the newcomer flagged
    ECHO = "echo"  #: one of our own results came back: acknowledged, linked, nothing opens


@dataclass(frozen=True, kw_only=True, slots=True)
class Association:
    """One association or HTTP request that carries instances."""

    association_id: str
    source: str
    calling_ae_title: str
    address: str
    opened_at: datetime
    process: str = ""
    """The receiving process, as its beat names it: when that falls silent, the association is lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """A kept object on its way into the ledger."""

    stored: StoredInstance
    identity: Identity
    source: str
    association_id: str
    received_at: datetime
    forward_to: tuple[str, ...] = ()
    """Destinations that are owed this original (one FORWARD-lane delivery each if it is NEW or CORRECTED)."""
    replaces: str | None = None
    """sha256 of the known instance that this one was compared with; None if none was known."""
    same_pixels: bool = False
    """Result of that comparison."""
    own_device: bool = False
    """The object names a Device UID of ours (invariant 6)."""
    rejects: Rejection | None = None
    """What it rejects, if it is a rejection note."""


class Receiving(Protocol):
    def open_association(self, association: Association) -> None: ...

    def close_association(self, association_id: str, *, how: str, at: datetime) -> Sequence[UID]:
        """Record the end ("released", "aborted" or "lost") and one RECEIVED event per study it carried,
        with counts by admission. Returns those studies. Closing twice is harmless."""
        ...

    def find_instance(self, sop_instance_uid: UID) -> StoredInstance | None: ...

    def issued(self, sop_instance_uid: UID) -> bool:
        """Whether we made this UID (it is in `object` before it is sent)."""
        ...

    def admit(self, reception: Reception) -> Admission:
        """Add an instance, its series, study, patient, identity and forward deliveries.

        A new identity digest makes a further identity version of the study (source and time kept); unless
        the study has no results yet, `reidentify`'s consequences follow in the same transaction.
        Where a row with the same UID and another sha256 than `replaces` stands, nothing changes and
        Unavailable is raised: compare again and come back. ECHO and CONFLICT change no study;
        CORRECTED replaces the location of the instance and keeps the former in an event.

        What a NEW rejection note names is from now on left out of `study`, whether it is here already or comes
        later; readings that rest on it are canceled, or recalled where they are finished, as by `recall`; and the
        study is handed over again. A note that names a result of ours recalls the reading it is of.
        """
        ...

    def note(self, event: Event) -> None:
        """Add one event: a rejection, a quarantine, an operator's act."""
        ...


# --- assembling ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenStudy:
    """A study with image instances that no manifest holds yet."""

    study_instance_uid: UID
    source: str
    arrival: Arrival


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """A job as routing wants it; the ledger gives it an identifier, state and place in the lane."""

    protocol: str
    rule: str
    config_version: int
    mode: Mode
    priority: Priority
    deadline: datetime | None


class Assembling(Protocol):
    def open_studies(self) -> Sequence[OpenStudy]: ...

    def study(self, study_instance_uid: UID) -> Study | None: ...

    def hand_over(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Manifest | None:
        """Freeze the next manifest of exactly `study.instances` and schedule `jobs` on it.

        What still waits of an earlier manifest is canceled as superseded: jobs of the rules of `jobs`, which
        give way to the new ones, and readings of every other rule, which no longer takes the study. None, and
        nothing changed, if an instance was added since `study` was read, or if the newest manifest has the
        same digest.
        """
        ...

    def route_again(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Sequence[Job] | None:
        """Schedule those of `jobs` whose rule has none yet on the newest manifest, and return them.

        That manifest is of exactly `study.instances`: where the newest is not, the next one is frozen, as by
        `hand_over`. `events` are kept in any case. None, and nothing changed, while images arrive, or if one was
        added since `study` was read.
        """
        ...

    def manifest(self, study_instance_uid: UID, version: int) -> Manifest:
        """As it was frozen: a later correction changes neither headers, series nor bytes of its instances."""
        ...

    def replay(self, job_id: str, *, by: str, now: datetime) -> Job | None:
        """A new job as `job_id` with the next run number, on the newest identity, under the active
        configuration's number given by the old job; None for an unknown job. Raises Refused where its manifest
        holds an instance that was rejected since."""
        ...


# --- working ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A leased job with what its pipeline needs."""

    job: Job
    manifest: Manifest
    identity: Identity
    steps: tuple[Step, ...]
    """Steps that former attempts (or the origin job) kept."""
    predecessors: tuple[NewObject, ...] = ()
    """Of each role the newest result of an earlier job of the same study and rule that has left for a destination
    (SENDING, SENT or COMMITTED there), which this job's supersedes."""
    complete_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewObject:
    """One encoded result, its bytes already durable in the spool."""

    role: str
    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
    instance_number: int
    location: str
    sha256: str
    size: int
    transfer_syntax_uid: UID = ExplicitVRLittleEndian
    destinations: frozenset[str] | None = None
    """Which of the job's destinations it is owed to; None for all."""
    stands_in_at: frozenset[str] = frozenset()
    """Destinations that get it only in place of an object whose class they refuse."""


class Working(Protocol):
    def claim_job(self, worker: str, *, lease: timedelta) -> Claim | None:
        """The read lane's best row: SCHEDULED and due, by priority then due time; or IN PROGRESS with its
        lease run out (counted as a crash). SKIP LOCKED on PostgreSQL, BEGIN IMMEDIATE on SQLite."""
        ...

    def renew_job(self, job_id: str, attempt: int, *, lease: timedelta) -> bool:
        """Extend the lease; False if the job is no longer this attempt's."""
        ...

    def keep_step(self, job_id: str, step: Step) -> bool:
        """Keep a step's answer, fenced by `step.attempt`; False if the job is no longer that attempt's."""
        ...

    def finish_job(
        self,
        job: Job,
        *,
        outcome: Outcome,
        reason: str,
        report: str,
        provenance: str,
        objects: Sequence[NewObject],
        destinations: Sequence[str],
        now: datetime,
    ) -> bool:
        """Fenced by `job.attempt`: COMPLETED, with the report (JSON), provenance (JSON), objects and one
        PENDING delivery per object and destination of it (STANDBY where it stands in), and supersede deliveries
        of earlier jobs of the same study and rule that have not been sent, all in one transaction. False if the
        fence does not hold: then nothing changed. A job whose identity version is no longer the study's newest
        finishes without deliveries, and a re-encoding job is scheduled instead.

        Raises Refused for one reason only: a SOP Instance UID of `objects` was issued before (one UID, one
        content). Nothing is recorded and the job stays this attempt's; to try again with the same objects
        would be refused again, so the caller abandons the job or makes the results under other UIDs. Whatever
        Refused a caller meets elsewhere (a model, a destination) never comes out of this method.
        """
        ...

    def defer_job(self, job: Job, *, error: str, after: timedelta) -> bool:
        """Back to SCHEDULED, due after `after`; fenced."""
        ...

    def abandon_job(self, job: Job, *, reason: str, now: datetime) -> bool:
        """CANCELED with a reason; fenced. Results of an earlier job that await a corrected identity are then
        encoded again, but never once more under an identity version for which that was canceled before."""
        ...

    def cancel_job(self, job_id: str, *, by: str, now: datetime) -> bool:
        """An operator stops a job: SCHEDULED or IN PROGRESS -> CANCELED, "canceled by" `by`, its lease released,
        so that whoever works on it finds the fence closed. False if it is unknown or has ended."""
        ...


# --- delivering ------------------------------------------------------------------------------------------


class Delivering(Protocol):
    def claim_deliveries(self, lane: str, worker: str, *, lease: timedelta, limit: int) -> Sequence[Delivery]:
        """Due PENDING rows of a deliver: or forward: lane, best first, and SENDING rows whose lease ran out."""
        ...

    def renew_deliveries(self, batch: Sequence[Delivery], *, lease: timedelta) -> int:
        """Extend the leases of those of `batch` that are still being sent in their attempt; returns how many."""
        ...

    def settle_delivery(
        self,
        delivery: Delivery,
        event: DeliveryEvent,
        *,
        text: str,
        now: datetime,
        after: timedelta = timedelta(),
        sent: bool = True,
    ) -> bool:
        """Apply `event` (STORED, DEFERRED, HELD, REFUSED, EXPIRED), fenced by `delivery.attempt`; `text`
        is the peer's answer in words; DEFERRED is due again after `after`; `sent` is False where no byte of
        the object left. False if the lease was lost: then nothing changed."""
        ...

    def stand_in(self, delivery: Delivery, roles: Sequence[str], *, text: str, now: datetime) -> str:
        """The destination refuses the class of `delivery`: supersede it, fenced as in `settle_delivery`, with the
        first of `roles` of the same job and destination that was not refused, made PENDING if it was on STANDBY.
        Returns that role; empty if there is none or the lease was lost: then nothing changed."""
        ...

    def retry_delivery(self, delivery_id: str, *, by: str, now: datetime) -> bool:
        """An operator sends again: REFUSED, EXPIRED, SENT -> PENDING or HELD -> PENDING, with as many tries as a
        new one. False if the table of transitions forbids it."""
        ...

    def current_identity(self, study_instance_uid: UID) -> tuple[int, Identity]:
        """The newest version and its number."""
        ...

    def reidentify(self, study_instance_uid: UID, identity: Identity, *, source: str, now: datetime) -> int:
        """Add an identity version if it differs from the newest and return its number. Results made under
        an older version that have not been sent are SUPERSEDED and re-encoding jobs (origin = the job that
        made them) are scheduled, which ask no model."""
        ...


# --- withdrawing -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """A recalled reading, results of which have left, or may have, and that no note of ours names yet."""

    job_id: str
    study_instance_uid: UID
    reason: Reason
    sent: Mapping[str, tuple[Issued, ...]]
    """What is there, or may be, by destination."""


class Withdrawing(Protocol):
    def recall(self, job_id: str, reason: Reason, *, by: str, now: datetime) -> bool:
        """An operator withdraws a reading with every encoding of it: COMPLETED -> RECALLED, its deliveries
        RETRACTED, so that nothing of it leaves from now on; what still encodes it is canceled. False if the job is
        unknown or is not COMPLETED."""
        ...

    def readings_of(self, digest: str) -> Sequence[Job]:
        """Finished readings, not recalled, in which a model of this digest answered a step; oldest first."""
        ...

    def withdrawals(self) -> Sequence[Withdrawal]:
        """What is owed a rejection note, oldest first."""
        ...

    def owe_notes(
        self, withdrawal: Withdrawal, notes: Sequence[tuple[NewObject, Sequence[str]]], *, now: datetime
    ) -> bool:
        """Issue the notes and owe each to its destinations, before anything else in their lanes. False, and nothing
        changed, if one was issued already."""
        ...


# --- lanes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """A process that is alive."""

    process: str
    host: str
    pid: int
    at: datetime
    detail: str = ""


class Lanes(Protocol):
    def due_lanes(self) -> Sequence[str]:
        """Lanes with a row that could be claimed right now."""
        ...

    def expire(self) -> int:
        """Take back expired leases; rows back to the lane. Jobs beyond MAX_CRASHES + 1 crashes are
        CANCELED; returns how many rows moved."""
        ...

    def lock(self, name: str, holder: str, *, lease: timedelta) -> bool:
        """Take or renew a named lock by the database's clock."""
        ...

    def beat(self, beat: Beat) -> None: ...

    def beats(self) -> Sequence[Beat]: ...

    def end_beat(self, beat: Beat) -> None:
        """An orderly end: forget the beat of this process; one that beat under its name since (another host or
        pid) keeps its own."""
        ...

    def lose_associations(self, *, older_than: timedelta) -> int:
        """Close associations of receiving processes that no longer beat, as "lost"."""
        ...


class Keeping(Protocol):
    """The database itself."""

    def upgrade(self) -> None:
        """Bring the tables up to this version; harmless if several processes do it at once."""
        ...

    def pending(self) -> Sequence[str]:
        """What this version knows of tables and the database lacks; empty if it is up to date."""
        ...

    def close(self) -> None:
        """Give back every connection."""
        ...


class Ledger(Receiving, Assembling, Working, Delivering, Withdrawing, Lanes, Keeping, Protocol):
    """Everything that changes. What pages and operators look at is `service.ports.catalogue`."""
