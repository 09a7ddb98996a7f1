"""Returning: documents that came in, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.adapters.edit_rows import edit_of, edit_row
from service.adapters.ledger import schema
from service.adapters.ledger.part import AnyRow, Part, insert_into, key
from service.adapters.ledger.rows import uid
from service.adapters.ledger.timeline import tell
from service.domain.event import EventKind
from service.domain.returned import Arrived, Returned
from service.domain.sop import comes_back
from service.ports.ledger import Reception

returned, study = schema.returned, schema.study


class SqlReturning(Part):
    """The port `Returning`."""

    def arrived(self, *, limit: int) -> Sequence[Arrived]:
        query = _with_study().where(returned.c.site == self.site, returned.c.settled_at.is_(None))
        with self.database.read() as connection:
            return [_arrived(row) for row in connection.execute(query.order_by(returned.c.id).limit(limit))]

    def settle(self, given: Returned, *, now: datetime) -> bool:
        mine = (returned.c.site == self.site, returned.c.sop_instance_uid == given.arrived.sop_instance_uid)
        job_id = key(given.job_id) if given.job_id else None
        values = {
            "settled_at": now,
            "job_id": job_id,
            "matched_by": given.matched_by,
            "observer": given.person,
            "verified": given.verified,
            "text": given.text,
            "edits": json.dumps([edit_row(edit) for edit in given.edits], ensure_ascii=False),
            "words": given.words,
        }
        statement = update(returned).where(*mine, returned.c.settled_at.is_(None)).values(**values)
        with self.database.write() as connection:
            number = connection.scalar(statement.returning(returned.c.study_id))
            if number is not None and given.words:
                words = given.words
                tell(connection, self.site, EventKind.RETURNED, words, at=now, study_id=number, job_id=job_id)
            return number is not None

    def returned(self, study_instance_uid: str) -> Sequence[Returned]:
        query = _with_study().where(study.c.site == self.site, study.c.uid == study_instance_uid)
        with self.database.read() as connection:
            rows = connection.execute(query.where(returned.c.words != "").order_by(returned.c.at, returned.c.id))
            return [_returned(row) for row in rows]


def await_comparison(connection: Connection, reception: Reception, study_id: int, site: str) -> None:
    """Note what may be a person's work on a result of ours; the sweep compares it."""
    stored = reception.stored
    if not comes_back(stored.instance.sop_class_uid):
        return
    values = {"sop_instance_uid": stored.instance.sop_instance_uid, "location": stored.location}
    keys = {"site": site, "study_id": study_id, "source": reception.source, "at": reception.received_at}
    connection.execute(insert_into(connection, returned).values(**keys, **values).on_conflict_do_nothing())


def _with_study() -> Any:
    return select(returned, study.c.uid.label("study_uid")).join(study, study.c.id == returned.c.study_id)


def _arrived(row: AnyRow) -> Arrived:
    return Arrived(
        sop_instance_uid=uid(row.sop_instance_uid), study_instance_uid=uid(row.study_uid), location=row.location,
        source=row.source, at=row.at,
    )  # fmt: skip


def _returned(row: AnyRow) -> Returned:
    return Returned(
        arrived=_arrived(row), words=row.words, job_id="" if row.job_id is None else str(row.job_id),
        matched_by=row.matched_by, person=row.observer, verified=row.verified, text=row.text,
        edits=tuple(edit_of(data) for data in json.loads(row.edits)),
    )  # fmt: skip
