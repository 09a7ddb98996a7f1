"""Recalling: a reading is withdrawn with all that encodes it; what left of it is owed a rejection note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, insert, null, select, true, update

from service.adapters.ledger import jobs, schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.part import AnyRow, Part, for_update, insert_into, key, lock_study, lock_study_of
from service.adapters.ledger.rows import job_of, uid
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryKind, DeliveryState
from service.domain.event import EventKind
from service.domain.job import JOB_TRANSITIONS, Job, JobEvent, JobState, job_after
from service.domain.lane import deliver_lane
from service.domain.rejection import NOTE, Issued, Reason
from service.domain.rule import Priority
from service.ports.ledger import NewObject, Withdrawal

delivery, job, made, rejection, study = (
    schema.delivery, schema.job, schema.object_, schema.rejection, schema.study
)  # fmt: skip

_RETRACTABLE = [state.value for state, event in DELIVERY_TRANSITIONS if event is DeliveryEvent.RETRACTED]
BY_NOTE = "a rejection note"
"""How the words begin for who recalled a reading, where no operator did."""
_OPEN = (JobState.SCHEDULED, JobState.IN_PROGRESS)


class SqlRecalling(Part):
    """The port `Withdrawing`."""

    def recall(self, job_id: str, reason: Reason, *, by: str, now: datetime) -> bool:
        with self.database.write() as connection:
            found = jobs.find(connection, self.site, key(job_id))
            if found is None:
                return False
            locked = lock_study_of(connection, found.study_id)
            row = connection.execute(for_update(select(job).where(job.c.id == found.id))).one()
            if (JobState(row.state), JobEvent.RECALLED) not in JOB_TRANSITIONS:
                return False
            withdraw(connection, locked, row.id, reason, by=by, now=now)
            return True

    def readings_of(self, digest: str) -> Sequence[Job]:
        asked = select(schema.step.c.id).where(schema.step.c.job_id == job.c.id, schema.step.c.model_digest == digest)
        finished = (job.c.site == self.site, job.c.state == JobState.COMPLETED.value, asked.exists())
        with self.database.read() as connection:
            rows = connection.execute(jobs.with_study().where(*finished).order_by(job.c.id))
            return [job_of(row) for row in rows]

    def withdrawals(self) -> Sequence[Withdrawal]:
        with self.database.read() as connection:
            found: dict[tuple[Any, ...], list[AnyRow]] = {}
            for row in connection.execute(_unnamed(self.site)):
                found.setdefault((row.study_uid, row.rule, row.generation), []).append(row)
        return [_withdrawal(rows) for rows in found.values()]

    def owe_notes(
        self, withdrawal: Withdrawal, notes: Sequence[tuple[NewObject, Sequence[str]]], *, now: datetime
    ) -> bool:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, withdrawal.study_instance_uid)
            uids = [note.sop_instance_uid for note, _ in notes]
            issued = select(made.c.id).where(made.c.site == self.site, made.c.sop_instance_uid.in_(uids)).limit(1)
            if locked is None or connection.scalar(issued) is not None:
                return False
            for note, destinations in notes:
                _owe(connection, locked, withdrawal, note, destinations, now=now)
            refresh(connection, locked.id)
            return True


def remember(
    connection: Connection, locked: AnyRow, uids: Sequence[str], reason: Reason, *, by: str, at: datetime
) -> None:
    """Keep what is rejected of the study; the first note about an instance counts."""
    both = {"site": locked.site, "study_uid": locked.uid, "reason": reason.value.value, "source": by, "at": at}
    if rows := [{**both, "sop_instance_uid": uid} for uid in dict.fromkeys(uids)]:
        connection.execute(insert_into(connection, rejection).on_conflict_do_nothing(), rows)


def withdraw(connection: Connection, locked: AnyRow, number: int, reason: Reason, *, by: str, now: datetime) -> None:
    """Withdraw the reading that job `number` is of; `locked` is its study's row.

    What was finished is recalled, what was not is canceled; of a delivery that is being sent the lease is taken away.
    """
    row = connection.execute(select(job).where(job.c.id == number)).one()
    which = and_(job.c.study_id == row.study_id, job.c.rule == row.rule, job.c.generation == row.generation)
    words = f"recalled by {by}: {reason.words}"
    recalled = _end(connection, which, JobState.COMPLETED, JobEvent.RECALLED, words, now=now)
    canceled = [
        number
        for state in _OPEN
        for number in _end(connection, which, state, JobEvent.ABANDONED, f"superseded: {words}", now=now)
    ]
    if not recalled and not canceled:
        return
    retracted = _retract(connection, recalled, words)
    uids = connection.scalars(select(made.c.sop_instance_uid).where(made.c.job_id.in_(recalled)))
    remember(connection, locked, tuple(uids), reason, by=by, at=now)
    kind = EventKind.REJECTED if by.startswith(BY_NOTE) else EventKind.OPERATOR
    text = f"{words}; {retracted} deliveries are retracted" if recalled else f"canceled: {words}"
    tell(connection, locked.site, kind, text, at=now, study_id=locked.id, job_id=number)
    refresh(connection, locked.id)


def _end(
    connection: Connection, which: Any, state: JobState, event: JobEvent, reason: str, *, now: datetime
) -> list[int]:
    values: dict[str, Any] = {
        "state": job_after(state, event).value,
        "reason": reason,
        "next_due": null(),
        "lease_until": null(),
    }
    if event is JobEvent.ABANDONED:
        values["finished_at"] = now
    ended = update(job).where(which, job.c.state == state.value).values(**values).returning(job.c.id)
    return list(connection.scalars(ended))


def _retract(connection: Connection, recalled: Sequence[int], words: str) -> int:
    """Nothing of these jobs leaves any more. What was refused is not there: that attempt counts as not sent."""
    refused = delivery.c.state == DeliveryState.REFUSED.value
    mine = (delivery.c.job_id.in_(recalled), delivery.c.kind == DeliveryKind.RESULT.value)
    values = {
        "state": DeliveryState.RETRACTED.value,
        "nothing_sent": delivery.c.nothing_sent + case((refused, 1), else_=0),
        "next_due": null(),
        "lease_until": null(),
        "doomed": true(),
        "last_error": words,
    }
    return connection.execute(
        update(delivery).where(*mine, delivery.c.state.in_(_RETRACTABLE)).values(**values)
    ).rowcount


def _unnamed(site: str) -> Any:
    """Results of recalled jobs that are or may be somewhere, of readings without a note."""
    other = job.alias("other")
    note = (
        select(made.c.id)
        .join(other, other.c.id == made.c.job_id)
        .where(made.c.role == NOTE, other.c.study_id == job.c.study_id)
        .where(other.c.rule == job.c.rule, other.c.generation == job.c.generation)
        .correlate(job)
    )
    told = [reason.value.value for reason in Reason if reason.told]
    return (
        select(
            study.c.uid.label("study_uid"), job.c.id.label("job_id"), job.c.rule, job.c.generation, rejection.c.reason,
            delivery.c.destination, made.c.sop_class_uid, made.c.sop_instance_uid, made.c.series_instance_uid,
        )
        .select_from(job)
        .join(study, study.c.id == job.c.study_id)
        .join(delivery, delivery.c.job_id == job.c.id)
        .join(made, made.c.id == delivery.c.object_id)
        .join(rejection, and_(rejection.c.study_uid == study.c.uid, rejection.c.site == site,
                              rejection.c.sop_instance_uid == made.c.sop_instance_uid))
        .where(job.c.site == site, job.c.state == JobState.RECALLED.value, rejection.c.reason.in_(told))
        .where(delivery.c.kind == DeliveryKind.RESULT.value, delivery.c.attempt > delivery.c.nothing_sent)
        .where(~note.exists())
        .order_by(job.c.id, delivery.c.id)
    )  # fmt: skip


def _withdrawal(rows: Sequence[AnyRow]) -> Withdrawal:
    sent: dict[str, list[Issued]] = {}
    for row in rows:
        issued = Issued(uid(row.sop_class_uid), uid(row.sop_instance_uid), uid(row.series_instance_uid))
        sent.setdefault(row.destination, []).append(issued)
    reason = Reason.of(rows[-1].reason)
    assert reason is not None
    return Withdrawal(
        job_id=str(rows[-1].job_id),
        study_instance_uid=uid(rows[-1].study_uid),
        reason=reason,
        sent={destination: tuple(issued) for destination, issued in sent.items()},
    )


def _owe(
    connection: Connection, locked: AnyRow, withdrawal: Withdrawal, note: NewObject, destinations: Sequence[str], *,
    now: datetime,
) -> None:  # fmt: skip
    where = {"site": locked.site, "study_id": locked.id, "job_id": key(withdrawal.job_id)}
    both = {
        "role": note.role,
        "sop_class_uid": note.sop_class_uid,
        "sop_instance_uid": note.sop_instance_uid,
        "transfer_syntax_uid": note.transfer_syntax_uid,
        "location": note.location,
        "sha256": note.sha256,
        "created_at": now,
    }
    alone = {"series_instance_uid": note.series_instance_uid, "instance_number": 1, "size": note.size}
    number = connection.execute(insert(made).values(**where, **both, **alone)).inserted_primary_key
    assert number is not None
    for destination in destinations:
        row = {
            "object_id": number[0],
            "lane": deliver_lane(destination),
            "kind": DeliveryKind.RETRACTION.value,
            "destination": destination,
            "priority": int(Priority.STAT),
            "state": DeliveryState.PENDING.value,
            "next_due": db_now(),
        }
        connection.execute(insert(delivery).values(**where, **both, **row))
    text = f"a rejection note ({withdrawal.reason.words}) is owed to {', '.join(destinations)}"
    tell(connection, locked.site, EventKind.DELIVERY, text, at=now, study_id=locked.id, job_id=key(withdrawal.job_id))
