"""What is written down of reviews, and what other parts of the ledger ask of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta, timezone
from typing import Any

from sqlalchemy import Connection, select

from service.adapters.ledger import schema
from service.adapters.ledger.part import AnyRow, key, lock_study
from service.domain.report import Section
from service.domain.review import Observer, Review, Signed, Statement, Verdict, signed_report

job, review = schema.job, schema.review


def closed(connection: Connection, site: str, study_uid: str, job_id: str) -> bool:
    """Whether a review has closed the text of a reading; none can until the transaction ends."""
    lock_study(connection, site, study_uid)
    query = select(review.c.id).where(review.c.site == site, review.c.job_id == key(job_id)).limit(1)
    return connection.scalar(query) is not None


def is_signed(connection: Connection, row: AnyRow) -> bool:
    """Whether the reading that the job `row` belongs to has a signed report."""
    mine = (review.c.job_id == row.generation, review.c.verdict == Verdict.SIGNED.value)
    return connection.scalar(select(review.c.id).where(*mine).limit(1)) is not None


def signed_by_job(connection: Connection, row: AnyRow) -> Signed | None:
    """The signed report that the job `row` encodes, or encodes again; None for any other job."""
    number, origin = row.id, row.origin_id
    while True:
        found = connection.scalar(select(review.c.number).where(review.c.encoding_id == number))
        if found is not None:
            return signed_report(read(connection, review.c.job_id == row.generation, review.c.number <= found))
        if origin is None:
            return None
        before = connection.execute(select(job.c.id, job.c.origin_id).where(job.c.id == origin)).one()
        number, origin = before.id, before.origin_id


def read(connection: Connection, *which: Any) -> tuple[Review, ...]:
    """Reviews in the order in which they were given."""
    query = (
        select(review, schema.study.c.uid.label("study_uid"))
        .join(schema.study, schema.study.c.id == review.c.study_id)
        .where(*which)
        .order_by(review.c.job_id, review.c.number)
    )
    return tuple(map(_review, connection.execute(query)))


def page(connection: Connection, site: str, after: int, *, limit: int) -> tuple[tuple[int, Review], ...]:
    """The next `limit` reviews after the row `after`, each with its row's number."""
    query = (
        select(review, schema.study.c.uid.label("study_uid"))
        .join(schema.study, schema.study.c.id == review.c.study_id)
        .where(review.c.site == site, review.c.id > after)
        .order_by(review.c.id)
        .limit(limit)
    )
    return tuple((row.id, _review(row)) for row in connection.execute(query))


def columns(given: Review) -> dict[str, Any]:
    """The row of a review, without its keys; `zone` is the site's, in minutes, so that it reads as it was signed."""
    offset = given.at.utcoffset() or timedelta()
    return {
        "number": given.number,
        "verdict": given.verdict.value,
        "observer": given.observer.name,
        "organization": given.observer.organization,
        "at": given.at,
        "zone": round(offset.total_seconds() / 60),
        "text": given.text,
        "statements": json.dumps([asdict(each) for each in given.statements], ensure_ascii=False),
        "forms": json.dumps(given.forms),
    }


def _review(row: AnyRow) -> Review:
    return Review(
        study_instance_uid=row.study_uid,
        job_id=str(row.job_id),
        number=row.number,
        verdict=Verdict(row.verdict),
        observer=Observer(name=row.observer, organization=row.organization),
        at=row.at.astimezone(timezone(timedelta(minutes=row.zone))),
        text=row.text,
        statements=tuple(_statement(data) for data in json.loads(row.statements)),
        forms=tuple(json.loads(row.forms)),
    )


def _statement(data: dict[str, Any]) -> Statement:
    return Statement(section=Section(data["section"]), text=data["text"], findings=tuple(data["findings"]))
