"""Shaping: records of the ledger as the JSON API shows them."""

from __future__ import annotations

from service.domain.event import Event
from service.domain.rule import Clause
from service.flow.dryrun import Trial
from service.flow.explain import Explanation
from service.ports.catalogue import DeliveryRecord, JobRecord, ResultObject, StudyRow
from service.web.api.shapes import (
    ClauseShape,
    DeliveryShape,
    EventShape,
    ExplanationShape,
    JobShape,
    ObjectShape,
    PatientShape,
    StudyShape,
    TrialShape,
)


def study_shape(row: StudyRow) -> StudyShape:
    identity, patient = row.identity, row.identity.patient
    return StudyShape(
        study_instance_uid=str(row.study_instance_uid),
        state=row.state,
        note=row.note,
        patient=PatientShape(
            patient_id=patient.patient_id,
            issuer=patient.issuer,
            name=patient.name,
            birth_date=patient.birth_date,
            sex=patient.sex,
        ),
        accession_number=identity.accession_number,
        study_date=identity.study_date,
        study_description=identity.study_description,
        source=row.source,
        modalities=list(row.modalities),
        instances=row.instances,
        received_first=row.received_first,
        received_last=row.received_last,
    )


def job_shape(record: JobRecord) -> JobShape:
    job = record.job
    plain = {name: getattr(job, name) for name in ("job_id", "rule", "protocol", "config_version", "run_number")}
    times = {name: getattr(record, name) for name in ("created_at", "started_at", "finished_at", "next_due", "outcome")}
    return JobShape(
        **plain, **times, study_instance_uid=str(job.study_instance_uid), mode=str(job.mode),
        priority=job.priority.name, state=str(job.state), attempt=job.attempt, reason=job.reason,
    )  # fmt: skip


def delivery_shape(record: DeliveryRecord) -> DeliveryShape:
    delivery = record.delivery
    plain = {name: getattr(delivery, name) for name in ("delivery_id", "destination", "role", "job_id", "attempt")}
    times = {name: getattr(record, name) for name in ("created_at", "next_due", "sent_at")}
    return DeliveryShape(
        **plain, **times, kind=str(delivery.kind), study_instance_uid=str(delivery.study_instance_uid),
        sop_instance_uid=str(delivery.sop_instance_uid), state=str(delivery.state), last_error=delivery.last_error,
    )  # fmt: skip


def object_shape(made: ResultObject) -> ObjectShape:
    return ObjectShape(
        job_id=made.job_id,
        role=made.role,
        sop_class_uid=str(made.sop_class_uid),
        sop_instance_uid=str(made.sop_instance_uid),
        series_instance_uid=str(made.series_instance_uid),
        sha256=made.sha256,
        size=made.size,
        created_at=made.created_at,
    )


def event_shape(event: Event) -> EventShape:
    return EventShape(at=event.at, kind=str(event.kind), text=event.text, took_s=event.took_s)


def clause_shape(clause: Clause) -> ClauseShape:
    return ClauseShape(name=clause.name, wanted=clause.wanted, found=clause.found, holds=clause.holds)


def explanation_shape(explanation: Explanation, trials: tuple[Trial, ...]) -> ExplanationShape:
    rules = [
        TrialShape(
            rule=trial.match.rule.name,
            mode=str(trial.match.rule.mode),
            would_take=trial.would_take,
            sentence=trial.sentence,
            clauses=[clause_shape(clause) for clause in trial.clauses],
        )
        for trial in trials
    ]
    return ExplanationShape(
        headline=explanation.headline,
        because=list(explanation.because),
        next=explanation.next,
        todo=explanation.todo,
        rules=rules,
    )
