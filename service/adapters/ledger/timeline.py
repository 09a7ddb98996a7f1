"""Timeline: the sentences that a study's page shows, written in the transaction that they tell of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select

from service.adapters.ledger import schema
from service.domain.event import Event, EventKind


def tell(
    connection: Connection,
    site: str,
    kind: EventKind,
    text: str,
    *,
    at: datetime | ColumnElement[datetime],
    study_id: int | None,
    job_id: int | None = None,
    delivery_id: int | None = None,
    took_s: float | None = None,
) -> None:
    """Add one sentence; never patient data."""
    statement = insert(schema.event).values(
        site=site,
        at=at,
        kind=kind.value,
        text=text,
        study_id=study_id,
        job_id="" if job_id is None else str(job_id),
        delivery_id="" if delivery_id is None else str(delivery_id),
        took_s=took_s,
    )
    connection.execute(statement)


def keep_event(connection: Connection, site: str, event: Event) -> None:
    """Add an event as the flow words it; one of an unknown study keeps the study's UID."""
    study_id = None
    if event.study_instance_uid:
        where = (schema.study.c.site == site, schema.study.c.uid == event.study_instance_uid)
        study_id = connection.scalar(select(schema.study.c.id).where(*where))
    statement = insert(schema.event).values(
        site=site,
        at=event.at,
        kind=event.kind.value,
        text=event.text,
        study_id=study_id,
        study_uid=event.study_instance_uid if event.study_instance_uid and study_id is None else None,
        job_id=event.job_id,
        delivery_id=event.delivery_id,
        took_s=event.took_s,
    )
    connection.execute(statement)
