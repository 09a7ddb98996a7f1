"""FakeCatalogue: records in memory, asked as the SQL catalogue is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydicom.uid import UID

from service.domain.delivery import DeliveryState
from service.domain.edit import History
from service.domain.event import Event
from service.domain.job import JobState
from service.domain.review import Review
from service.domain.rule import Mode, Priority
from service.flow.sign import reviews_of
from service.ports.catalogue import (
    REVIEWABLE,
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
from service.web.pages.study import newest_readings


@dataclass
class FakeCatalogue:
    """Everything follows from `records`; lanes and stage times are set by hand."""

    records: list[StudyRecord] = field(default_factory=list)
    lanes: list[LaneDepth] = field(default_factory=list)
    stages: list[StageTimes] = field(default_factory=list)
    loose_events: list[Event] = field(default_factory=list)
    asked: list[StudyQuery] = field(default_factory=list)
    reviews: Callable[[str], Sequence[Review]] = lambda study: ()
    """What was said of a study's drafts."""
    history: Callable[[str], History | None] = lambda job: None

    def studies(self, query: StudyQuery) -> Sequence[StudyRow]:
        self.asked.append(query)
        rows = sorted((record.row for record in self.records), key=_key, reverse=True)
        return [row for row in rows if _fits(row, query)][: query.limit]

    def waiting(self, *, after: Place | None = None, limit: int = 50) -> Sequence[Waiting]:
        found = [self._waiting(record) for record in self.records if record.row.state in REVIEWABLE]
        listed = sorted((one for one in found if one), key=lambda one: one.place)
        return [one for one in listed if after is None or one.place > after][:limit]

    def _waiting(self, record: StudyRecord) -> Waiting | None:
        said = self.reviews(str(record.row.study_instance_uid))
        drafts = [
            each
            for each in newest_readings(record.jobs)
            if each.job.state is JobState.COMPLETED and each.job.mode is Mode.LIVE and not reviews_of(said, each)
        ]
        if not drafts:
            return None
        histories = [history for each in drafts if (history := self.history(each.reading))]
        saves = sorted((save for each in histories for save in each.saves), key=lambda save: save.at)
        return Waiting(
            row=record.row, priority=Priority(min(each.job.priority for each in drafts)),
            outcomes=tuple(each.outcome for each in drafts), saved_by=saves[-1].reviewer if saves else "",
            saved_at=saves[-1].at if saves else None,
        )  # fmt: skip

    def record(self, study_instance_uid: UID) -> StudyRecord | None:
        return next((r for r in self.records if r.row.study_instance_uid == study_instance_uid), None)

    def jobs(self, *, state: JobState | None = None, limit: int = 100) -> Sequence[JobRecord]:
        found = [job for record in self.records for job in record.jobs if state in {None, job.job.state}]
        return sorted(found, key=lambda job: job.created_at, reverse=True)[:limit]

    def job(self, job_id: str) -> JobRecord | None:
        return next((job for job in self.jobs(limit=10**6) if job.job.job_id == job_id), None)

    def deliveries(
        self, *, states: Sequence[DeliveryState] = (), destination: str = "", limit: int = 100
    ) -> Sequence[DeliveryRecord]:
        found = [
            one
            for record in self.records
            for one in record.deliveries
            if (not states or one.delivery.state in states) and destination in {"", one.delivery.destination}
        ]
        return sorted(found, key=lambda one: one.created_at, reverse=True)[:limit]

    def depths(self) -> Sequence[LaneDepth]:
        return self.lanes

    def stage_times(self, *, window: timedelta, now: datetime) -> Sequence[StageTimes]:
        return self.stages

    def attention(self) -> int:
        return sum(record.row.state == "attention" for record in self.records)

    def counts(self) -> dict[str, int]:
        found = {"studies": len(self.records), "instances": sum(r.row.instances for r in self.records)}
        found |= {"objects": sum(len(r.objects) for r in self.records), "conflicts": 0}
        found["studies in attention"] = sum(r.row.state == "attention" for r in self.records)
        for key in [f"job {job.job.state}" for job in self.jobs(limit=10**6)] + [
            f"delivery {one.delivery.state}" for one in self.deliveries(limit=10**6)
        ]:
            found[key] = found.get(key, 0) + 1
        return found

    def recent_events(self, *, limit: int = 100) -> Sequence[Event]:
        found = [*self.loose_events, *(event for record in self.records for event in record.events)]
        return sorted(found, key=lambda event: event.at, reverse=True)[:limit]

    def issued_objects(self, study_instance_uid: UID) -> Sequence[ResultObject]:
        record = self.record(study_instance_uid)
        return record.objects if record else ()


def _key(row: StudyRow) -> tuple[datetime, str]:
    return row.received_last, str(row.study_instance_uid)


def _fits(row: StudyRow, query: StudyQuery) -> bool:
    patient = row.identity.patient
    prefixes = (
        (patient.name, query.patient_name),
        (patient.patient_id, query.patient_id),
        (row.identity.accession_number, query.accession_number),
        (row.study_instance_uid, query.study_instance_uid),
    )
    return (
        all(text.casefold().startswith(wanted.casefold()) for text, wanted in prefixes)
        and query.modality in {"", *row.modalities}
        and query.state in {"", row.state}
        and (query.received_since is None or row.received_last >= query.received_since)
        and (query.received_until is None or row.received_last < query.received_until)
        and (query.before is None or _key(row) < query.before)
    )
