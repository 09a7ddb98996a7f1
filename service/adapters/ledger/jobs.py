"""Jobs as several parts of the ledger make and order them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from service.adapters.ledger import schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.part import AnyRow
from service.adapters.ledger.timeline import tell
from service.domain.event import EventKind
from service.domain.job import JobState
from service.domain.rule import Priority
from service.ports.ledger import NewJob

job = schema.job

GAVE_WAY = "superseded by a later manifest"
"""Why a job that was still waiting was canceled: another of its rule takes its place."""
NOT_TAKEN = "superseded by a later manifest that its rule does not take"
"""Why a reading that was still waiting was canceled without another in its place; nobody needs to look."""
RECALLED_WITH = "superseded: recalled"
"""How the reason begins of a job that was canceled because its reading was withdrawn; nobody needs to look."""
_AGAIN = timedelta(hours=1)
"""The deadline of what is done once more, where nothing else says how long it may take."""


def schedule(
    connection: Connection, site: str, study: AnyRow, wanted: NewJob, *, manifest_version: int, now: datetime
) -> int:
    """Insert a reading and return its number; `study` is the locked row."""
    number = _insert(
        connection,
        site=site,
        study_id=study.id,
        manifest_version=manifest_version,
        identity_version=study.identity_version,
        protocol=wanted.protocol,
        rule=wanted.rule,
        config_version=wanted.config_version,
        mode=wanted.mode.value,
        priority=int(wanted.priority),
        run_number=1,
        deadline=wanted.deadline,
        created_at=now,
    )
    text = f"job scheduled: rule {wanted.rule}, protocol {wanted.protocol}, priority {wanted.priority.name}"
    tell(connection, site, EventKind.JOB, text, at=now, study_id=study.id, job_id=number)
    return number


def schedule_again(
    connection: Connection, old: AnyRow, *, identity_version: int, now: datetime, by: str | None = None
) -> int:
    """Insert a job like `old`: by an operator a new reading, else one that only encodes again.

    A reading has as long as `old` had. Encoding asks no model: its deadline only bounds how long it is retried.
    """
    values = {
        name: getattr(old, name)
        for name in ("site", "study_id", "manifest_version", "protocol", "rule", "config_version", "mode", "priority")
    }
    if by is None:
        origin = {"origin_id": old.id, "generation": old.generation, "run_number": old.run_number}
        deadline = now + _AGAIN
        text = f"job scheduled: results of job {old.id} are encoded again under identity version {identity_version}"
    else:
        origin = {"run_number": _next_run(connection, old)}
        deadline = now + (old.deadline - old.created_at if old.deadline else _AGAIN)
        text = f"job scheduled: {by} replays job {old.id}, priority {Priority(old.priority).name}"
    fresh = {"identity_version": identity_version, "deadline": deadline, "created_at": now}
    number = _insert(connection, **values, **origin, **fresh)
    kind = EventKind.JOB if by is None else EventKind.OPERATOR
    tell(connection, old.site, kind, text, at=now, study_id=old.study_id, job_id=number)
    return number


def _next_run(connection: Connection, old: AnyRow) -> int:
    runs = select(func.max(job.c.run_number)).where(
        job.c.study_id == old.study_id,
        job.c.manifest_version == old.manifest_version,
        job.c.protocol == old.protocol,
    )
    return int(connection.scalar(runs) or 0) + 1


def _insert(connection: Connection, **values: Any) -> int:
    """A generation is the number of the reading; what encodes it again belongs to the same one."""
    row = {"generation": 0, **values, "state": JobState.SCHEDULED.value, "next_due": db_now()}
    number = connection.execute(insert(job).values(**row)).inserted_primary_key
    assert number is not None
    if not row["generation"]:
        connection.execute(update(job).where(job.c.id == number[0]).values(generation=number[0]))
    return int(number[0])


def older_than(this: AnyRow) -> ColumnElement[bool]:
    """Jobs of the same study and rule that `this` takes the place of."""
    before = or_(job.c.generation < this.generation, and_(job.c.generation == this.generation, job.c.id < this.id))
    return and_(job.c.study_id == this.study_id, job.c.rule == this.rule, before)


def newer_than(this: AnyRow) -> ColumnElement[bool]:
    """Jobs of the same study and rule that take the place of `this`."""
    after = or_(job.c.generation > this.generation, and_(job.c.generation == this.generation, job.c.id > this.id))
    return and_(job.c.study_id == this.study_id, job.c.rule == this.rule, after)


def find(connection: Connection, site: str, number: int) -> AnyRow | None:
    """A job's row with its study's UID as `study_uid`."""
    return connection.execute(with_study().where(job.c.site == site, job.c.id == number)).one_or_none()


def with_study() -> Any:
    return select(job, schema.study.c.uid.label("study_uid")).join(schema.study, schema.study.c.id == job.c.study_id)
