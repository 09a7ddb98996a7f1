"""Review: the images beside the draft; each of its sentences accepted, edited or rejected by a person."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from service.domain.audit import AuditKind
from service.domain.edit import History, text_digest
from service.domain.errors import PrereadError, Unreadable
from service.domain.report import Finding, Report, Section, first_line
from service.domain.said import say
from service.flow.complete import reading_of
from service.flow.first_read import impression_of
from service.flow.form import Kept, forms_of, sentences_of
from service.flow.record import read_report
from service.flow.review import Line, draft_text, lines_of, text_of
from service.flow.review import save as save_lines
from service.flow.sign import reviews_of
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.conflict import conflict
from service.web.dicomweb.resources import ROOT
from service.web.door import field, visitor_of
from service.web.pages.beside import beside
from service.web.pages.first_read import held_back
from service.web.pages.places import masks, places
from service.web.pages.signed import reviewed
from service.web.pages.study import newer_reading, newest_readings, record_of, viewed
from service.web.pages.worklist import next_case
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

MOST_TEXT = 60_000
"""Characters of a report that are taken from a form."""
_LONGEST_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What one page shows: a report that has sentences, and what became of it."""

    job: JobRecord
    report: Report
    history: History | None

    @property
    def text(self) -> str:
        """As it stands."""
        return self.history.text if self.history else draft_text(self.report)

    @property
    def base(self) -> str:
        """Digest of the text as it stands."""
        return text_digest(self.text)

    @property
    def findings(self) -> Mapping[str, Finding]:
        return {finding.tracking_id: finding for finding in self.report.findings}


def show(request: Request, study_uid: str, job: str = "") -> Response:
    """One study's draft beside its images; the newest reading unless another is named."""
    record = viewed(request, study_uid, detail="review")
    readings = newest_readings(record.jobs)
    if newer := overtaken_by(record, job):
        return RedirectResponse(f"/studies/{study_uid}/review?job={newer.job.job_id}", status_code=303)
    case = _case(request, _chosen(readings, job))
    held = held_back(request, case.job)
    return page(
        request, "review.html", row=record.row, case=case, readings=readings, held_back=held,
        lines=[] if held else _shown(case), masks={} if held else masks(case.report), sections=list(Section),
        first_line=first_line(case.report), following=next_case(request, record), dicomweb=ROOT,
        prior=beside(request, record, case.job), review=reviewed(request, record, case.job),
        no_model=_no_model(record, case),
        impression=impression_of(case.history, visitor_of(request).account.name),
        returned=services_of(request).returning.returned(study_uid), forms=[] if held else _forms(case),
    )  # fmt: skip


def save(request: Request, study_uid: str, job_id: str) -> Response:
    """Keep what was made of the draft; 409 if somebody else has saved it since this page was loaded."""
    record = record_of(request, study_uid)
    not_overtaken(record, job_id)
    case = _case(request, _chosen(newest_readings(record.jobs), job_id, exactly=True))
    lines = _sent(field(request, "lines", limit=MOST_TEXT))
    _told(request, study_uid, f"report of job {job_id} is being saved")
    services = services_of(request)
    reviews = reviews_of(services.signing.reviews(study_uid), case.job)
    kept = (
        None
        if reviews
        else save_lines(
            services.edits,
            report=case.report,
            job_id=case.job.reading,
            study_instance_uid=study_uid,
            lines=lines,
            base_sha256=field(request, "base"),
            reviewer=visitor_of(request).account.name,
            seconds=seconds_of(field(request, "seconds")),
            accepted=_count(field(request, "accepted")),
            now=services.clock.now(),
        )
    )
    if kept is None:
        return conflict(request, case.report, services.edits.history(case.job.reading), reviews, yours=text_of(lines))
    _told(request, study_uid, f"report of job {job_id} saved, edit log {kept}")
    return JSONResponse({"saved": True})


def case_shown(request: Request, record: StudyRecord, job_id: str = "") -> Case:
    """What the page shows of a study, or of one of its readings. Raises 404 and 409 as the page does."""
    return _case(request, _chosen(newest_readings(record.jobs), job_id))


def _told(request: Request, study_uid: str, detail: str) -> None:
    """Into the audit record: before, so that nothing unrecorded happens, and after, so that the log's end is known."""
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=study_uid, detail=detail)


def _chosen(readings: Sequence[JobRecord], job_id: str, *, exactly: bool = False) -> JobRecord:
    """The reading of that job, else the newest with something to say. Raises 404."""
    named = next((reading for reading in readings if job_id in {reading.job.job_id, reading.reading}), None)
    if named is not None:
        return named
    if exactly or job_id or not readings:
        raise HTTPException(404, say("There is no such draft of this study. Its page says why."))
    return max(readings, key=lambda reading: (reading.outcome in {"analysed", "partial"}, reading.created_at))


def not_overtaken(record: StudyRecord, job_id: str) -> None:
    """Raises 409 where a newer reading took the place of the one that is named."""
    if overtaken_by(record, job_id):
        raise HTTPException(
            409, say("A newer reading of this study has come. Open its review again: it shows the newer one.")
        )


def overtaken_by(record: StudyRecord, job_id: str) -> JobRecord | None:
    """The reading that took the place of the one that is named, by its own name or by that of a job of it."""
    named = [one for one in record.jobs if one.report and job_id in {one.reading, one.job.job_id}]
    return newer_reading(record.jobs, named[-1]) if named else None


def _case(request: Request, job: JobRecord) -> Case:
    try:
        report = read_report(job.report)
    except Unreadable as error:
        raise HTTPException(409, say("This draft cannot be shown: {why}.", why=str(error))) from error
    assert report is not None, "only jobs with a report are readings"
    return Case(job=job, report=report, history=services_of(request).edits.history(job.reading))


def _no_model(record: StudyRecord, case: Case) -> str:
    """Why no model is asked about the images of this reading; empty where one can be."""
    try:
        reading_of(record, case.job.job.job_id)
    except PrereadError as error:
        return str(error)
    return ""


def _shown(case: Case) -> list[dict[str, Any]]:
    """Each line with what it rests on, in words and as places on images."""
    found = []
    told = {each for kept in forms_of(case.history) for each in sentences_of(kept.form)}
    for number, line in enumerate(lines_of(case.report, case.history)):
        findings = [case.findings[each] for each in line.findings if each in case.findings]
        where = [each for one in findings for each in places(one)]
        accepted = (line.section, line.text) in told  # by whoever put the form into the report
        found.append({"line": line, "number": number, "findings": findings, "places": where, "told": accepted})
    return found


def _forms(case: Case) -> list[dict[str, Any]]:
    """Each form that is kept with the reading, and its sentences, for who signs: it leaves where they all stand."""
    return [_form(kept) for kept in forms_of(case.history)]


def _form(kept: Kept) -> dict[str, Any]:
    said = [[section.value, text] for section, text in sentences_of(kept.form)]
    return {
        "number": kept.number, "name": kept.form.name, "title": kept.form.title, "by": kept.reviewer, "at": kept.at,
        "said": said,
    }  # fmt: skip


def _sent(text: str) -> list[Line]:
    """The lines as the page sends them: JSON, [[section, text, number of the line it was], ...]. Raises 422."""
    try:
        return [
            Line(section=Section(section), text=str(said), was=int(was[0]) if was else None)
            for section, said, *was in json.loads(text)
        ]
    except (ValueError, TypeError, RecursionError):
        raise HTTPException(422, say("The report was not sent whole. Reload the page and try again.")) from None


def seconds_of(text: str) -> float:
    """How long a page was open, as it says; 0 where it says nothing."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_S) if math.isfinite(seconds) else 0.0


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
