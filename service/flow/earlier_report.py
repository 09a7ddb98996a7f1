"""Earlier report: the newest one of an earlier study of the same patient that lies here, to compare with (C13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from pydicom.uid import UID

from service.domain.errors import Unreadable
from service.domain.job import JobState
from service.domain.prior import same_patient
from service.domain.study import Identity
from service.flow.earlier import under_identifier
from service.flow.record import read_report
from service.flow.review import draft_text
from service.ports.catalogue import Catalogue, JobRecord, StudyRow
from service.ports.edits import EditLog

_OPENED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A report as it stands."""

    study_instance_uid: UID
    day: str
    """Study Date as in the header."""
    text: str


def earlier_report(row: StudyRow, catalogue: Catalogue, edits: EditLog) -> Earlier | None:
    """None where no earlier study of certainly the same patient with a like modality has a report here.

    What stands is an AI draft until somebody edits or signs it; a withdrawn one is not compared with, nor one of a
    study that no model looked at unless a person wrote on.
    """
    for each in islice(_before(row, catalogue), _OPENED):
        record = catalogue.record(each.study_instance_uid)
        for job in sorted(record.jobs if record else (), key=lambda job: job.created_at, reverse=True):
            if text := _text(job, edits):
                return Earlier(study_instance_uid=each.study_instance_uid, day=each.identity.study_date, text=text)
    return None


def earlier_day(row: StudyRow, catalogue: Catalogue) -> str:
    """Study Date of the newest earlier study that a report would be compared with; empty if none is here."""
    return next((each.identity.study_date for each in _before(row, catalogue)), "")


def _before(row: StudyRow, catalogue: Catalogue) -> Sequence[StudyRow]:
    """Earlier studies of certainly the same patient with a like modality, the newest first."""
    before = [each for each in under_identifier(catalogue, row) if _comparable(each, row)]
    return sorted(before, key=lambda each: _when(each.identity), reverse=True)


def _comparable(other: StudyRow, row: StudyRow) -> bool:
    return (
        other.study_instance_uid != row.study_instance_uid
        and same_patient(other.identity.patient, row.identity.patient)
        and bool(other.identity.study_date)
        and _when(other.identity) < _when(row.identity)
        and bool({*other.modalities} & {*row.modalities})
    )


def _when(identity: Identity) -> tuple[str, str]:
    return identity.study_date, identity.study_time


def _text(job: JobRecord, edits: EditLog) -> str:
    try:
        report = read_report(job.report) if job.report else None
    except Unreadable:
        return ""
    if report is None or job.job.state is JobState.RECALLED:
        return ""
    history = edits.history(job.reading)
    if report.outcome.unread and not (history and history.saves):
        return ""
    return history.text if history else draft_text(report)
