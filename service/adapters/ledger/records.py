"""Records: jobs, objects, deliveries and events as the pages show them."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from service.adapters.ledger import jobs, rejecting, schema
from service.adapters.ledger.assembling import read_manifest
from service.adapters.ledger.part import AnyRow, AnySelect
from service.adapters.ledger.rows import delivery_of, event_of, job_of, overtaken, step_of, uid
from service.domain.delivery import DeliveryState
from service.domain.event import Event
from service.domain.job import JobState, Step
from service.domain.study import Manifest
from service.ports.catalogue import DeliveryRecord, JobRecord, ResultObject

delivery, event, job, made, report, step, study = (
    schema.delivery, schema.event, schema.job, schema.object_, schema.report, schema.step, schema.study
)  # fmt: skip


def manifests(connection: Connection, site: str, row: AnyRow) -> tuple[Manifest, ...]:
    """Every manifest of the study `row`, oldest first."""
    versions = range(1, row.manifests + 1)
    return tuple(read_manifest(connection, site, row.uid, version) for version in versions)


def jobs_query() -> AnySelect:
    joined: AnySelect = jobs.with_study().outerjoin(report, report.c.job_id == job.c.id)
    return joined.add_columns(report.c.text.label("report"))


def job_records(connection: Connection, query: AnySelect) -> tuple[JobRecord, ...]:
    """`query` is made of `jobs_query`."""
    rows = connection.execute(query).all()
    steps: dict[int, list[Step]] = defaultdict(list)
    kept = select(step).where(step.c.job_id.in_([row.id for row in rows])).order_by(step.c.ordinal)
    for found in connection.execute(kept) if rows else ():
        steps[found.job_id].append(step_of(found))
    resting = rejecting.resting_on_rejected(connection, rows)
    return tuple(_job_record(row, tuple(steps[row.id]), on_rejected=row.id in resting) for row in rows)


def _job_record(row: AnyRow, steps: tuple[Step, ...], *, on_rejected: bool) -> JobRecord:
    return JobRecord(
        job=job_of(row),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        next_due=row.next_due if row.state == JobState.SCHEDULED else None,
        outcome=row.outcome,
        report=row.report or "",
        provenance=row.provenance,
        steps=steps,
        generation=row.generation,
        on_rejected=on_rejected,
    )


def objects(connection: Connection, which: ColumnElement[bool]) -> tuple[ResultObject, ...]:
    rows = connection.execute(select(made).where(which).order_by(made.c.id))
    return tuple(
        ResultObject(
            job_id=str(row.job_id),
            role=row.role,
            sop_class_uid=uid(row.sop_class_uid),
            sop_instance_uid=uid(row.sop_instance_uid),
            series_instance_uid=uid(row.series_instance_uid),
            location=row.location,
            sha256=row.sha256,
            size=row.size,
            created_at=row.created_at,
        )
        for row in rows
    )


def deliveries_query() -> AnySelect:
    newest = study.c.identity_version.label("newest_identity")
    return select(delivery, study.c.uid.label("study_uid"), newest).join(study, study.c.id == delivery.c.study_id)


def delivery_records(connection: Connection, query: AnySelect) -> tuple[DeliveryRecord, ...]:
    """`query` is made of `deliveries_query`."""
    return tuple(
        DeliveryRecord(
            delivery=delivery_of(row),
            created_at=row.created_at,
            next_due=row.next_due if row.state == DeliveryState.PENDING else None,
            sent_at=row.sent_at,
            overtaken=overtaken(row, row.newest_identity),
        )
        for row in connection.execute(query)
    )


def events(connection: Connection, site: str, row: AnyRow) -> tuple[Event, ...]:
    """The timeline of the study `row` in the order of writing, with what was said before it was known."""
    before = and_(event.c.site == site, event.c.study_uid == row.uid)
    query = (
        select(event, study.c.uid.label("of_study"))
        .outerjoin(study, study.c.id == event.c.study_id)
        .where(or_(event.c.study_id == row.id, before))
        .order_by(event.c.id)
    )
    return tuple(event_of(found) for found in connection.execute(query))
