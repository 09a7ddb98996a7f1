"""Shapes: what the JSON API answers. Adding a field is no break; renaming one is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class PatientShape(BaseModel):
    patient_id: str
    issuer: str
    name: str
    birth_date: str = Field(description="DICOM DA, YYYYMMDD")
    sex: str


class StudyShape(BaseModel):
    study_instance_uid: str
    state: str
    note: str
    patient: PatientShape
    accession_number: str
    study_date: str = Field(description="DICOM DA, YYYYMMDD")
    study_description: str
    source: str
    modalities: list[str]
    instances: int
    received_first: datetime
    received_last: datetime


class MadeShape(BaseModel):
    model: str = Field(description="Name, version and digest")
    adapter: str
    prompt: str = Field(description="Digest of the prompt; empty where it is not known")
    served: bool = Field(description="Whether this version is served now")
    numbers: dict[str, int] = Field(
        description="drafts, signed, rejected drafts; sentences of signed reports: unchanged, edited, removed, added; "
        "edits by class: insert, delete, reword, negation, laterality, measurement, severity; suggestions answered, "
        "taken, flagged; dismissed KIND"
    )


class ModelsShape(BaseModel):
    ready: bool
    engine: str
    models: list[MadeShape]


class NextShape(BaseModel):
    before_at: str
    before_uid: str


class StudiesShape(BaseModel):
    studies: list[StudyShape]
    next: NextShape | None = Field(description="Send these two back as before_at and before_uid")


class SearchShape(BaseModel):
    """Filters; text matches a prefix without regard to case. Posted, so that no name stands in an address."""

    patient_name: str = Field("", max_length=256)
    patient_id: str = Field("", max_length=256)
    accession_number: str = Field("", max_length=256)
    study_instance_uid: str = Field("", max_length=64)
    modality: str = Field("", max_length=16)
    state: str = Field("", max_length=16)
    since: str = Field("", max_length=10, description="First day received, YYYY-MM-DD, in the site's zone")
    until: str = Field("", max_length=10, description="Last day received, inclusive")
    before_at: str = Field("", max_length=64)
    before_uid: str = Field("", max_length=64)


class JobShape(BaseModel):
    job_id: str
    study_instance_uid: str
    rule: str
    protocol: str
    config_version: int
    mode: str
    priority: str
    run_number: int
    state: str
    outcome: str
    attempt: int
    reason: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_due: datetime | None


class DeliveryShape(BaseModel):
    delivery_id: str
    kind: str
    destination: str
    study_instance_uid: str
    sop_instance_uid: str
    role: str
    job_id: str | None
    state: str
    attempt: int
    last_error: str
    created_at: datetime
    next_due: datetime | None
    sent_at: datetime | None


class ObjectShape(BaseModel):
    job_id: str
    role: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    sha256: str
    size: int
    created_at: datetime


class EventShape(BaseModel):
    at: datetime
    kind: str
    text: str
    took_s: float | None


class ClauseShape(BaseModel):
    name: str
    wanted: str
    found: str
    holds: bool


class TrialShape(BaseModel):
    rule: str
    mode: str
    would_take: bool
    sentence: str
    clauses: list[ClauseShape]


class ExplanationShape(BaseModel):
    """Why the study is where it is."""

    headline: str
    because: list[str]
    next: str
    todo: str
    rules: list[TrialShape]


class StudyDetailShape(BaseModel):
    study: StudyShape
    identity_version: int
    jobs: list[JobShape]
    deliveries: list[DeliveryShape]
    objects: list[ObjectShape]
    events: list[EventShape]
    explanation: ExplanationShape
    reports: dict[str, Any] = Field(description="By job: the report as recorded, an AI draft")


class ConfigurationShape(BaseModel):
    number: int
    applied_at: datetime
    applied_by: str
    texts: dict[str, str] = Field(description="The files as they were applied")


class HealthShape(BaseModel):
    status: str
    ledger: str
    migrated: bool
    disk_free_bytes: int
    disk_above_reserve: bool
    broker: bool
    model_server: dict[str, Any]
    concerns: list[str]


class DoneShape(BaseModel):
    done: str
    job_id: str | None = None
