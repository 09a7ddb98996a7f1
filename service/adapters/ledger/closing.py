"""The end of an association: one sentence per study it carried, and the hint that the study may be complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydicom.uid import UID
from sqlalchemy import Connection, select, update

from service.adapters.ledger import schema
from service.adapters.ledger.part import AnyRow, for_update, lock_study_of
from service.adapters.ledger.rows import uid
from service.adapters.ledger.timeline import tell
from service.domain.event import EventKind

RELEASED = "released"
_COUNTED = ("new", "duplicate", "corrected", "conflict", "echo")

association, carried, study = schema.association, schema.association_study, schema.study


def close(connection: Connection, site: str, association_id: str, *, how: str, at: datetime) -> Sequence[UID]:
    """Close an association and return the studies that it carried; a second time nothing changes."""
    where = (association.c.site == site, association.c.association_id == association_id)
    row = connection.execute(select(association).where(*where)).one_or_none()
    if row is None:
        return ()
    # Studies are locked in order of their number and before the association's own rows, as in `admit`.
    studies = [lock_study_of(connection, study_id) for study_id in _studies(connection, row.id)]
    open_still = select(association).where(association.c.id == row.id, association.c.closed_at.is_(None))
    if connection.execute(for_update(open_still)).one_or_none() is not None:
        connection.execute(update(association).where(association.c.id == row.id).values(closed_at=at, how=how))
        for locked in studies:
            _close_for(connection, row, locked, how=how, at=at)
    return [uid(locked.uid) for locked in studies]


def _studies(connection: Connection, number: int) -> Sequence[int]:
    query = select(carried.c.study_id).where(carried.c.association_id == number).order_by(carried.c.study_id)
    return connection.scalars(query).all()


def _close_for(connection: Connection, row: AnyRow, locked: AnyRow, *, how: str, at: datetime) -> None:
    mine = (carried.c.association_id == row.id, carried.c.study_id == locked.id)
    connection.execute(update(carried).where(*mine).values(closed_at=at))
    counts = connection.execute(select(carried).where(*mine)).one()._mapping
    if locked.opened_at is not None and (counts["new"] or counts["duplicate"] or counts["corrected"]):
        # The last association to end decides: after one that was cut off, more may come.
        release = at if how == RELEASED else None
        connection.execute(update(study).where(study.c.id == locked.id).values(last_release=release))
    text = ", ".join(f"{counts[name]} {name}" for name in _COUNTED if counts[name])
    tell(connection, row.site, EventKind.RECEIVED, f"association from {row.source} {how}: {text}", at=at,
         study_id=locked.id, took_s=max(0.0, (at - row.opened_at).total_seconds()))  # fmt: skip
