"""Earlier: which study of a patient can be shown beside a newer one, and what the steps of a reading kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from service.domain.job import Step
from service.domain.prior import Chosen, PriorNode, PriorStudy, choose
from service.ports.catalogue import Catalogue, JobRecord, StudyQuery, StudyRecord, StudyRow

_ANY_AGE = timedelta(days=150 * 365)
_HERE = PriorNode(name="preread", url="", max_age=_ANY_AGE)
_LOOKED_AT = 100
"""Studies under one patient's identifier, the newest."""
NO_PICTURES = frozenset({"SR", "PR", "KO", "SEG", "DOC", "REG", "RTSTRUCT", "RTPLAN", "AU", "PLAN"})
"""Modalities whose objects are no pictures of a patient (PS3.3 C.7.3.1.1.1)."""


def earlier_here(catalogue: Catalogue, row: StudyRow) -> Chosen:
    """The newest earlier study that is certainly of the same patient (decision 0082), comparable, and arrived here."""
    patient = row.identity.patient
    modality = next((each for each in row.modalities if each not in NO_PICTURES), "")
    if not (patient.patient_id and patient.issuer and modality):
        return Chosen()
    found = [
        PriorStudy(study_instance_uid=each.study_instance_uid, identity=each.identity, modalities=each.modalities)
        for each in under_identifier(catalogue, row)
    ]
    return choose(found, row.identity, row.study_instance_uid, modality=modality, node=_HERE, stat=False)


def under_identifier(catalogue: Catalogue, row: StudyRow) -> Sequence[StudyRow]:
    """Studies here whose patient identifier begins as the study's does, itself included, the newest first; none for a
    study without one. Whether one is of the same patient is for the caller to decide."""
    wanted = row.identity.patient.patient_id
    return catalogue.studies(StudyQuery(patient_id=wanted, limit=_LOOKED_AT)) if wanted else ()


def kept_steps(record: StudyRecord, job_id: str) -> Sequence[Step]:
    """What the reading of a job kept: the job's own steps, else those of the one whose answers it encoded again."""
    known = {each.job.job_id: each for each in record.jobs}
    found = next((each for each in record.jobs if job_id in {each.job.job_id, each.reading}), None)
    seen: list[JobRecord] = []
    while found is not None and not found.steps and found not in seen:
        seen.append(found)
        found = known.get(found.job.origin or "")
    return found.steps if found else ()
