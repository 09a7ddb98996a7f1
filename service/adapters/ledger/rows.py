"""Rows as domain values, and back."""

from __future__ import annotations

import json
from dataclasses import asdict

from pydicom import config
from pydicom.uid import UID

from service.adapters.ledger.part import AnyRow
from service.domain.delivery import Delivery, DeliveryKind, DeliveryState
from service.domain.event import Event, EventKind
from service.domain.job import Job, JobState, Step
from service.domain.rule import Mode, Priority
from service.domain.study import Identity, Instance, Patient, StoredInstance
from service.ports.ledger import NewObject


def uid(text: str) -> UID:
    """A UID as it was stored: it was checked when it arrived."""
    return UID(text, validation_mode=config.IGNORE)


def identity_text(identity: Identity) -> str:
    return json.dumps(asdict(identity), ensure_ascii=False)


def identity_of(text: str) -> Identity:
    facts = json.loads(text)
    facts["patient"] = Patient(**facts["patient"])
    for pairs in ("other_patient_ids", "requests"):
        facts[pairs] = tuple((first, second) for first, second in facts[pairs])
    return Identity(**facts)


def attributes_text(instance: Instance) -> str:
    return json.dumps(dict(instance.attributes), ensure_ascii=False)


def stored_instance(row: AnyRow, *, study_uid: str) -> StoredInstance:
    """From a row with the columns of `instance` and its series' UID as `series_uid`."""
    instance = Instance(
        sop_class_uid=uid(row.sop_class_uid),
        sop_instance_uid=uid(row.sop_instance_uid),
        series_instance_uid=uid(row.series_uid),
        study_instance_uid=uid(study_uid),
        transfer_syntax_uid=uid(row.transfer_syntax_uid),
        attributes=json.loads(row.attributes),
    )
    return StoredInstance(instance=instance, location=row.location, sha256=row.sha256, size=row.size)


def job_of(row: AnyRow) -> Job:
    """From a row of `job` with its study's UID as `study_uid`."""
    return Job(
        job_id=str(row.id),
        study_instance_uid=uid(row.study_uid),
        manifest_version=row.manifest_version,
        identity_version=row.identity_version,
        protocol=row.protocol,
        rule=row.rule,
        config_version=row.config_version,
        mode=Mode(row.mode),
        priority=Priority(row.priority),
        run_number=row.run_number,
        state=JobState(row.state),
        attempt=row.attempt,
        crashes=row.crashes,
        reason=row.reason,
        deadline=row.deadline,
        origin=None if row.origin_id is None else str(row.origin_id),
    )


def step_of(row: AnyRow) -> Step:
    return Step(
        ordinal=row.ordinal,
        kind=row.kind,
        algorithm=row.algorithm,
        answer=row.answer,
        error=row.error,
        model_digest=row.model_digest,
        prompt_digest=row.prompt_digest,
        attempt=row.attempt,
        started_at=row.started_at,
        took_s=row.took_s,
    )


def new_object(row: AnyRow) -> NewObject:
    return NewObject(
        role=row.role,
        sop_class_uid=uid(row.sop_class_uid),
        sop_instance_uid=uid(row.sop_instance_uid),
        series_instance_uid=uid(row.series_instance_uid),
        instance_number=row.instance_number,
        location=row.location,
        sha256=row.sha256,
        size=row.size,
        transfer_syntax_uid=uid(row.transfer_syntax_uid),
    )


def overtaken(row: AnyRow, newest_identity: int) -> bool:
    """Whether the delivery `row` was withdrawn, or is a result under an older identity than the study's newest."""
    is_result = row.kind == DeliveryKind.RESULT and row.identity_version is not None
    return bool(row.doomed or (is_result and row.identity_version < newest_identity))


def delivery_of(row: AnyRow) -> Delivery:
    """From a row of `delivery` with its study's UID as `study_uid`."""
    return Delivery(
        delivery_id=str(row.id),
        kind=DeliveryKind(row.kind),
        destination=row.destination,
        study_instance_uid=uid(row.study_uid),
        sop_class_uid=uid(row.sop_class_uid),
        sop_instance_uid=uid(row.sop_instance_uid),
        transfer_syntax_uid=uid(row.transfer_syntax_uid),
        location=row.location,
        sha256=row.sha256,
        role=row.role,
        job_id=None if row.job_id is None else str(row.job_id),
        identity_version=row.identity_version,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        nothing_sent=row.nothing_sent,
        sent_again_at=row.sent_again_at,
        last_error=row.last_error,
    )


def event_of(row: AnyRow) -> Event:
    """From a row of `event` with the UID of its study, if it has one, as `of_study`."""
    return Event(
        at=row.at,
        kind=EventKind(row.kind),
        text=row.text,
        study_instance_uid=row.of_study or row.study_uid or "",
        job_id=row.job_id,
        delivery_id=row.delivery_id,
        took_s=row.took_s,
    )
