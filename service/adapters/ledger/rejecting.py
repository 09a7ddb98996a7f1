"""Rejecting: what a received rejection note does to its study, in the transaction that admits it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update

from service.adapters.ledger import recalling, schema
from service.adapters.ledger.part import AnyRow
from service.adapters.ledger.states import RECEIVING
from service.adapters.ledger.timeline import tell
from service.domain.event import EventKind
from service.domain.job import JobState
from service.domain.rejection import Rejection
from service.ports.ledger import Reception

instance, job, made, rejection, study = (
    schema.instance, schema.job, schema.object_, schema.rejection, schema.study
)  # fmt: skip


def is_rejected(study_uid: Any) -> ColumnElement[bool]:
    """Whether a note names the instance of the outer query."""
    return exists().where(
        rejection.c.site == instance.c.site,
        rejection.c.study_uid == study_uid,
        rejection.c.sop_instance_uid == instance.c.sop_instance_uid,
    )


def reject(connection: Connection, locked: AnyRow, reception: Reception, note: Rejection) -> None:
    """Leave out what the note names, end or recall the readings that rest on it, and have the study handed over
    again; `locked` is its row."""
    source, at = reception.source, reception.received_at
    recalling.remember(connection, locked, note.instances, note.reason, by=source, at=at)
    here = [instance.c.study_id == locked.id, is_rejected(locked.uid), instance.c.sop_instance_uid.in_(note.instances)]
    images = connection.scalar(select(func.count()).select_from(instance).where(*here)) or 0
    ours = connection.scalars(
        select(made.c.job_id).where(made.c.study_id == locked.id, made.c.sop_instance_uid.in_(note.instances))
    )
    text = (
        f"a note from {source} rejects {len(note.instances)} instances ({note.reason.words}): "
        f"{images} of them had arrived and are read no more"
    )
    tell(connection, locked.site, EventKind.REJECTED, text, at=at, study_id=locked.id)
    resting = set(connection.scalars(_resting(locked, note)))
    by = f"{recalling.BY_NOTE} from {source}"
    for number in sorted(resting | set(ours)):
        recalling.withdraw(connection, locked, number, note.reason, by=by, now=at)
    if images and locked.manifests:
        _reopen(connection, locked, at)


def rests_on_rejected(connection: Connection, row: AnyRow, study_uid: str) -> bool:
    """Whether the manifest of the job `row` holds an instance that was rejected since."""
    held = _held(row.study_id, row.manifest_version).where(is_rejected(study_uid)).limit(1)
    return connection.execute(held).first() is not None


def resting_on_rejected(connection: Connection, rows: Sequence[AnyRow]) -> frozenset[int]:
    """Numbers of the jobs among `rows` whose manifest holds an instance that was rejected since."""
    studies = {row.study_uid for row in rows}
    query = select(rejection.c.study_uid).where(rejection.c.study_uid.in_(studies)).distinct()
    some = frozenset(connection.scalars(query)) if studies else frozenset()
    of = [row for row in rows if row.study_uid in some]
    return frozenset(row.id for row in of if rests_on_rejected(connection, row, row.study_uid))


def _resting(locked: AnyRow, note: Rejection) -> Any:
    """Jobs of the study whose manifest holds an instance that the note names."""
    held = _held(locked.id, job.c.manifest_version).where(instance.c.sop_instance_uid.in_(note.instances))
    ended = (JobState.CANCELED.value, JobState.RECALLED.value)
    return select(job.c.id).where(job.c.study_id == locked.id, job.c.state.not_in(ended), held.exists())


def _held(study_id: int, version: Any) -> Any:
    """Instances of one manifest."""
    manifest, member = schema.manifest, schema.manifest_instance
    return (
        select(instance.c.id)
        .join(member, member.c.instance_id == instance.c.id)
        .join(manifest, manifest.c.id == member.c.manifest_id)
        .where(and_(manifest.c.study_id == study_id, manifest.c.version == version))
    )


def _reopen(connection: Connection, locked: AnyRow, at: datetime) -> None:
    """What is left is a study of its own: it is handed over when its patience ends."""
    row = connection.execute(select(study).where(study.c.id == locked.id)).one()
    if row.opened_at is None:
        values = {"opened_at": at, "touched_at": at, "last_release": None, "state": RECEIVING, "waits": None}
        connection.execute(update(study).where(study.c.id == locked.id).values(**values))
