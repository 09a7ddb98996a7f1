"""Catalogue: what pages and operators look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydicom.uid import UID
from sqlalchemy import select

from service.adapters.ledger import numbers, records, schema, studies, worklist
from service.adapters.ledger.part import Part, key
from service.adapters.ledger.rows import event_of
from service.domain.delivery import DeliveryState
from service.domain.event import Event
from service.domain.job import JobState
from service.ports.catalogue import (
    DeliveryRecord,
    JobRecord,
    LaneDepth,
    Place,
    ResultObject,
    StageTimes,
    StudyQuery,
    StudyRecord,
    StudyRow,
    Waiting,
)

delivery, event, job, made, study = schema.delivery, schema.event, schema.job, schema.object_, schema.study


class SqlCatalogue(Part):
    """The port `Catalogue`."""

    def studies(self, query: StudyQuery) -> Sequence[StudyRow]:
        with self.database.read() as connection:
            return studies.page(connection, self.site, query)

    def waiting(self, *, after: Place | None = None, limit: int = 50) -> Sequence[Waiting]:
        with self.database.read() as connection:
            return worklist.page(connection, self.site, after=after, limit=limit)

    def record(self, study_instance_uid: UID) -> StudyRecord | None:
        with self.database.read() as connection:
            row = studies.one(connection, self.site, study_instance_uid)
            if row is None:
                return None
            return StudyRecord(
                row=studies.study_row(row),
                identity_version=row.identity_version,
                manifests=records.manifests(connection, self.site, row),
                jobs=records.job_records(connection, records.jobs_query().where(job.c.study_id == row.id)
                                         .order_by(job.c.id)),
                objects=records.objects(connection, made.c.study_id == row.id),
                deliveries=records.delivery_records(connection, records.deliveries_query()
                                                    .where(delivery.c.study_id == row.id).order_by(delivery.c.id)),
                events=records.events(connection, self.site, row),
            )  # fmt: skip

    def jobs(self, *, state: JobState | None = None, limit: int = 100) -> Sequence[JobRecord]:
        # A walk of the index per state: `IN`, or none, would sort every row there is.
        states = [state] if state is not None else list(JobState)
        query = records.jobs_query().where(job.c.site == self.site).order_by(job.c.id.desc()).limit(limit)
        with self.database.read() as connection:
            found = [
                r for each in states for r in records.job_records(connection, query.where(job.c.state == each.value))
            ]
        return sorted(found, key=lambda record: int(record.job.job_id), reverse=True)[:limit]

    def job(self, job_id: str) -> JobRecord | None:
        query = records.jobs_query().where(job.c.site == self.site, job.c.id == key(job_id))
        with self.database.read() as connection:
            return next(iter(records.job_records(connection, query)), None)

    def deliveries(
        self, *, states: Sequence[DeliveryState] = (), destination: str = "", limit: int = 100
    ) -> Sequence[DeliveryRecord]:
        query = records.deliveries_query().where(delivery.c.site == self.site)
        query = query.order_by(delivery.c.id.desc()).limit(limit)
        if destination:
            query = query.where(delivery.c.destination == destination)
        queries = [query.where(delivery.c.state == state.value) for state in dict.fromkeys(states or DeliveryState)]
        with self.database.read() as connection:
            found = [record for each in queries for record in records.delivery_records(connection, each)]
        return sorted(found, key=lambda record: int(record.delivery.delivery_id), reverse=True)[:limit]

    def depths(self) -> Sequence[LaneDepth]:
        with self.database.read() as connection:
            return numbers.depths(connection, self.site)

    def stage_times(self, *, window: timedelta, now: datetime) -> Sequence[StageTimes]:
        with self.database.read() as connection:
            return numbers.stage_times(connection, self.site, since=now - window)

    def counts(self) -> dict[str, int]:
        with self.database.read() as connection:
            return numbers.counts(connection, self.site)

    def attention(self) -> int:
        with self.database.read() as connection:
            return numbers.attention(connection, self.site)

    def recent_events(self, *, limit: int = 100) -> Sequence[Event]:
        query = (
            select(event, study.c.uid.label("of_study"))
            .outerjoin(study, study.c.id == event.c.study_id)
            .where(event.c.site == self.site)
            .order_by(event.c.id.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [event_of(row) for row in connection.execute(query)]

    def issued_objects(self, study_instance_uid: UID) -> Sequence[ResultObject]:
        with self.database.read() as connection:
            number = select(study.c.id).where(study.c.site == self.site, study.c.uid == study_instance_uid)
            return records.objects(connection, made.c.study_id == number.scalar_subquery())
