"""Form: a report by template, prefilled from the draft, previewed, and put into the report by a radiologist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from service.domain.audit import AuditKind
from service.domain.edit import Provenance
from service.domain.filled import Filled, typed
from service.domain.phrase import narrative
from service.domain.report import Finding, Report, Section, first_line
from service.domain.said import say, say_join
from service.domain.submitted import Submitted
from service.domain.template import Template
from service.flow.form import forms_of, lines_of_form, newest_form, sentences_of
from service.flow.prefill import Prefilled, fitting, left_over, prefill
from service.flow.review import Line, lines_of
from service.flow.review import save as save_lines
from service.ports.catalogue import StudyRecord
from service.web.dicomweb.resources import ROOT
from service.web.door import field as form_field
from service.web.door import visitor_of
from service.web.pages import closed_form
from service.web.pages.first_read import held_back
from service.web.pages.pictures import pictures
from service.web.pages.review import Case, case_shown, not_overtaken, overtaken_by
from service.web.pages.sheet import Sheet, as_sent, by_part, narrative_of, sheet_of
from service.web.pages.signed import reviewed
from service.web.pages.study import viewed
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit


def show(request: Request, study_uid: str, name: str = "", job: str = "", anew: bool = False) -> Response:
    """The form of one template; without a name the one that suits the study best. As it was last put into the report,
    unless it is begun `anew` from the draft; read only once the report is signed, or its draft rejected or withdrawn.
    """
    record = viewed(request, study_uid, detail="template")
    if newer := overtaken_by(record, job):
        return RedirectResponse(f"/studies/{study_uid}/template?job={newer.job.job_id}", status_code=303)
    case = case_shown(request, record, job)
    reading, report = case.job, case.report
    if held_back(request, reading):
        return RedirectResponse(f"/studies/{study_uid}/review?job={reading.job.job_id}", status_code=303)
    if closed := _closed(request, record, case, name):
        return closed
    template = _template(request, name, report, record)
    former = None if anew else next((one for one in forms_of(case.history) if one.form.name == template.name), None)
    if former is not None:
        given = {name: typed(value) for name, value in former.form.filled.values.items()}
        normal, touched = former.form.filled.normal, former.form.touched
    else:
        answers = {key: answer.value for key, answer in prefill(template, report).items()}
        defaults = {one.name: one.default for one in template.fields if one.default is not None}
        given = {key: typed(value) for key, value in (defaults | answers).items()}
        normal, touched = frozenset(), frozenset()
    sheet = sheet_of(request, case, template, given, normal=normal, touched=touched)
    return _shown(request, record, replace(sheet, issues=(), former=former))


def take(request: Request, study_uid: str, job_id: str) -> Response:
    """Preview what was filled, or put its sentences into the report. 409 for a report that takes no more."""
    record = viewed(request, study_uid, detail="template")
    not_overtaken(record, job_id)
    case = case_shown(request, record, job_id)
    reading, report = case.job, case.report
    if held_back(request, reading):
        return RedirectResponse(f"/studies/{study_uid}/review?job={reading.job.job_id}", status_code=303)
    if closed := _closed(request, record, case, form_field(request, "name"), status=409):
        return closed
    template = _template(request, form_field(request, "name"), report, record)
    sheet = as_sent(request, case, template)
    if form_field(request, "act") != "put":
        return _shown(request, record, sheet, previewed=True)
    if wrong := _not_yet(request, sheet):
        return _shown(request, record, replace(sheet, wrong=wrong), previewed=True, status=422)
    return _put(request, record, sheet)


def _closed(request: Request, record: StudyRecord, case: Case, name: str, *, status: int = 200) -> Response | None:
    """What is shown of a report that takes no more; None for one that does."""
    review = reviewed(request, record, case.job)
    if not review["tag"]:
        return None
    forms = forms_of(case.history)
    if name not in {"", *(one.form.name for one in forms)}:
        _template(request, name, case.report, record)
    return closed_form.show(
        request, record, case.job, case.report, forms=forms, review=review, name=name, status=status
    )


def _not_yet(request: Request, sheet: Sheet) -> str:
    """Why the form cannot become a report yet; empty if it can."""
    blocking = [issue.message for issue in sheet.issues if issue.blocks]
    if blocking:
        return say("Not put into the report: {why}.", why=say_join("; ", blocking))
    if sheet.unseen and not form_field(request, "checked"):
        return say(
            "Not put into the report: some answers are the AI's and were not touched. Check them, then say so below."
        )
    return "" if narrative_of(request, sheet) else say("Not put into the report: the form says nothing yet.")


def _put(request: Request, record: StudyRecord, sheet: Sheet) -> Response:
    """Through the same log as every edit; 409 with the form as it was, where somebody saved the report meanwhile."""
    study_uid, job_id = record.row.study_instance_uid, sheet.job.reading
    form = Submitted(filled=sheet.filled, told=narrative_of(request, sheet), touched=sheet.touched)
    told = lines_of_form(form, sheet.answers)
    below = form_field(request, "where") == "below"
    _told(request, study_uid, f"report of job {job_id} is being filled by template {sheet.template.name}")
    services = services_of(request)
    kept = None if newest_form(sheet.history) > sheet.seen else save_lines(
        services.edits,
        report=sheet.report,
        job_id=job_id,
        study_instance_uid=study_uid,
        lines=_below(sheet, told) if below else told,
        base_sha256=sheet.base,
        reviewer=visitor_of(request).account.name,
        seconds=(services.clock.now() - sheet.opened).total_seconds(),
        accepted=sum(line.provenance is Provenance.AI for line in told),
        now=services.clock.now(),
        form=form,
    )  # fmt: skip
    if kept is None:
        wrong = say("Somebody else has saved this report since you opened the form. Look at the report first.")
        again = replace(sheet, wrong=wrong, base=sheet.now, seen=newest_form(sheet.history))
        return _shown(request, record, again, previewed=True, status=409)
    _told(request, study_uid, f"report of job {job_id} filled by template {sheet.template.name}, edit log {kept}")
    return RedirectResponse(f"/studies/{study_uid}/review?job={sheet.job.job.job_id}", status_code=303)


def _below(sheet: Sheet, told: Sequence[Line]) -> list[Line]:
    """The report without what the same template said in it before, and below it what it does not say yet."""
    before = {each for kept in forms_of(sheet.history) if kept.form.name == sheet.template.name
              for each in sentences_of(kept.form)}  # fmt: skip
    lines = [replace(line, was=number) for number, line in enumerate(lines_of(sheet.report, sheet.history))]
    kept = [line for line in lines if (line.section, line.text) not in before]
    there = {(line.section, line.text) for line in kept}
    return [*kept, *(line for line in told if (line.section, line.text) not in there)]


def _told(request: Request, study_uid: str, detail: str) -> None:
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=study_uid, detail=detail)


def _template(request: Request, name: str, report: Report, record: StudyRecord) -> Template:
    templates = services_of(request).templates
    found = templates.template(name) if name else fitting(templates.all(), report, record.row.modalities)
    if found is None:
        raise HTTPException(404, say("There is no such template. `preread templates list` names those that are."))
    return found


def _shown(
    request: Request, record: StudyRecord, sheet: Sheet, *, previewed: bool = False, status: int = 200
) -> Response:
    known = {finding.tracking_id: finding for finding in sheet.report.findings}
    templates = services_of(request).templates
    return page(
        request, "form.html", status=status, row=record.row, sheet=sheet, sections=list(Section),
        first_line=first_line(sheet.report), templates=templates.all(), broken=templates.broken(),
        told=_told_by_part(request, sheet) if previewed else None,
        rests_on={name: _findings(answer, known) for name, answer in sheet.answers.items()},
        pictures=pictures(request, sheet.report, sheet.answers), dicomweb=ROOT,
        normals=_normals(request, sheet.template), left=left_over(sheet.report, dict(sheet.answers)),
        issue_of={issue.field: issue for issue in sheet.issues},
    )  # fmt: skip


def _normals(request: Request, template: Template) -> set[str]:
    """Sections of which something can be said where all of it is normal."""
    services = services_of(request)
    phrases = services.templates.phrases(services.settings.site.language)
    every = [section.name for section in template.sections]
    return {
        name for name in every if narrative(Filled(template=template, values={}, normal=frozenset({name})), phrases)
    }


def _told_by_part(request: Request, sheet: Sheet) -> dict[Section, list[tuple[str, str]]]:
    """As the report will say it."""
    form = Submitted(filled=sheet.filled, told=narrative_of(request, sheet), touched=sheet.touched)
    return by_part(form, sheet.answers)


def _findings(answer: Prefilled, known: Mapping[str, Finding]) -> list[Finding]:
    return [known[each] for each in answer.findings if each in known]
