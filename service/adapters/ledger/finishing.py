"""Finishing: a job's end, its results and what is owed of them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, insert, null, or_, select, update
from sqlalchemy.exc import IntegrityError

from service.adapters.ledger import counting, identities, jobs, schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.part import AnyRow
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.errors import Refused
from service.domain.event import EventKind
from service.domain.job import JobEvent, JobState, job_after
from service.domain.lane import deliver_lane
from service.domain.report import Outcome
from service.domain.review import FORM_ROLE, SIGNED_ROLE
from service.ports.ledger import NewObject

delivery, job, made = schema.delivery, schema.job, schema.object_


def finish(
    connection: Connection,
    row: AnyRow,
    locked: AnyRow,
    *,
    outcome: Outcome,
    reason: str,
    report: str,
    provenance: str,
    objects: Sequence[NewObject],
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Complete the job `row` of the study `locked`; both rows are locked and the fence has held."""
    _complete(connection, row, outcome=outcome, reason=reason, provenance=provenance, now=now)
    connection.execute(insert(schema.report).values(site=row.site, job_id=row.id, text=report))
    numbers = _keep(connection, row, objects, now=now)
    signed = any(result.role == SIGNED_ROLE for result in objects)
    outranked = _outranked(connection, row, signed=signed)
    stale = row.identity_version < locked.identity_version
    if not stale:
        state = DeliveryState.SUPERSEDED if outranked else DeliveryState.PENDING
        _owe(connection, row, objects, numbers, destinations, state=state, now=now)
    if not outranked:
        _take_the_place_of_older(connection, row, signed=signed, now=now)
    _tell(connection, row, outcome, reason, len(objects), 0 if stale or outranked else len(destinations), now=now)
    if stale and objects and not outranked:
        jobs.schedule_again(connection, row, identity_version=locked.identity_version, now=now)
    refresh(connection, locked.id)
    counting.add_draft(connection, row, outcome, provenance)


def _complete(
    connection: Connection, row: AnyRow, *, outcome: Outcome, reason: str, provenance: str, now: datetime
) -> None:
    values = {
        "state": job_after(JobState(row.state), JobEvent.RECORDED).value,
        "crashes": 0,
        "outcome": outcome.value,
        "reason": reason,
        "provenance": provenance,
        "finished_at": now,
        "next_due": null(),
        "lease_until": null(),
    }
    connection.execute(update(job).where(job.c.id == row.id).values(**values))


def _keep(connection: Connection, row: AnyRow, objects: Sequence[NewObject], *, now: datetime) -> list[int]:
    """Insert the objects; raises Refused for a UID that another job has issued (invariant 3)."""
    numbers = []
    for result in objects:
        values = {
            "role": result.role,
            "sop_class_uid": result.sop_class_uid,
            "sop_instance_uid": result.sop_instance_uid,
            "series_instance_uid": result.series_instance_uid,
            "transfer_syntax_uid": result.transfer_syntax_uid,
            "instance_number": result.instance_number,
            "location": result.location,
            "sha256": result.sha256,
            "size": result.size,
        }
        statement = insert(made).values(site=row.site, study_id=row.study_id, job_id=row.id, created_at=now, **values)
        try:
            key = connection.execute(statement).inserted_primary_key
        except IntegrityError as error:
            text = f"{result.sop_instance_uid} ({result.role}) was issued before by another job"
            raise Refused(f"{text}; nothing of job {row.id} was recorded") from error
        assert key is not None
        numbers.append(int(key[0]))
    return numbers


def _outranked(connection: Connection, row: AnyRow, *, signed: bool) -> bool:
    """Whether a job that takes this one's place was finished before it. No later draft takes a signed report's."""
    newer = select(job.c.id).where(jobs.newer_than(row), job.c.state == JobState.COMPLETED.value).limit(1)
    query = newer.where(job.c.generation == row.generation) if signed else newer
    return connection.scalar(query) is not None


def _owe(
    connection: Connection,
    row: AnyRow,
    objects: Sequence[NewObject],
    numbers: Sequence[int],
    destinations: Sequence[str],
    *,
    state: DeliveryState,
    now: datetime,
) -> None:
    for destination in dict.fromkeys(destinations):
        for number, result in zip(numbers, objects, strict=True):
            owed = _owed_as(result, destination, state)
            if owed is None:
                continue
            values = {
                "lane": deliver_lane(destination),
                "kind": DeliveryKind.RESULT.value,
                "destination": destination,
                "sop_class_uid": result.sop_class_uid,
                "sop_instance_uid": result.sop_instance_uid,
                "transfer_syntax_uid": result.transfer_syntax_uid,
                "location": result.location,
                "sha256": result.sha256,
                "role": result.role,
                "identity_version": row.identity_version,
                "priority": row.priority,
                "state": owed.value,
                "next_due": db_now() if owed is DeliveryState.PENDING else null(),
                "created_at": now,
            }
            keys = {"site": row.site, "study_id": row.study_id, "job_id": row.id, "object_id": number}
            connection.execute(insert(delivery).values(**keys, **values))


def _owed_as(result: NewObject, destination: str, state: DeliveryState) -> DeliveryState | None:
    """The state in which `result` is owed to `destination`; None if it is not."""
    if destination in result.stands_in_at:
        return DeliveryState.STANDBY if state is DeliveryState.PENDING else state
    return state if result.destinations is None or destination in result.destinations else None


def _take_the_place_of_older(connection: Connection, row: AnyRow, *, signed: bool, now: datetime) -> None:
    """Unsent results of earlier jobs do not leave; a signed report gives way to a newer form of itself alone."""
    older = select(job.c.id).where(jobs.older_than(row))
    itself = older.where(job.c.generation == row.generation)
    unsigned = (delivery.c.role != SIGNED_ROLE, delivery.c.role.not_like(f"{FORM_ROLE}%"))
    draft = and_(*unsigned, delivery.c.job_id.in_(older))
    which = or_(draft, delivery.c.job_id.in_(itself)) if signed else draft
    superseded = identities.supersede(connection, which, delivery.c.kind == DeliveryKind.RESULT.value)
    if superseded:
        text = f"{superseded} unsent results of earlier jobs give way to job {row.id}"
        tell(connection, row.site, EventKind.DELIVERY, text, at=now, study_id=row.study_id, job_id=row.id)


def _tell(
    connection: Connection,
    row: AnyRow,
    outcome: Outcome,
    reason: str,
    objects: int,
    destinations: int,
    *,
    now: datetime,
) -> None:
    why = f" ({reason})" if reason else ""
    text = f"finished: {outcome.value}{why}, {_many(objects, 'object')} for {_many(destinations, 'destination')}"
    took = max(0.0, (now - row.started_at).total_seconds()) if row.started_at else None
    tell(connection, row.site, EventKind.JOB, text, at=now, study_id=row.study_id, job_id=row.id, took_s=took)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
