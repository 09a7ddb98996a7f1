"""Form: a report by template, prefilled from the draft, previewed, and put into the report by a radiologist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from service.domain.audit import AuditKind
from service.domain.edit import History, Provenance, text_digest
from service.domain.filled import FieldIssue, Filled, fill, typed
from service.domain.phrase import Told, narrative
from service.domain.report import Finding, Report, Section, first_line
from service.domain.said import say, say_join
from service.domain.template import Field, Template
from service.flow.prefill import Prefilled, fitting, left_over, prefill
from service.flow.review import NEW, Line, draft_text, lines_of
from service.flow.review import save as save_lines
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.door import field as form_field
from service.web.door import visitor_of
from service.web.pages.first_read import held_back
from service.web.pages.review import case_shown
from service.web.pages.study import viewed
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

MOST_GIVEN = 5000
"""Characters that are taken of one field of a form."""
_AI, _EDITED, _HUMAN = (one.value for one in (Provenance.AI, Provenance.EDITED, Provenance.HUMAN))
_TEMPLATE = "template"
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One form while it is filled."""

    job: JobRecord
    report: Report
    history: History | None
    template: Template
    answers: Mapping[str, Prefilled]
    filled: Filled
    given: Mapping[str, Sequence[str]]
    wrote: Mapping[str, str]
    """Who answered each field: the AI until a person touched it."""
    base: str
    """Digest of the report's text when the form was opened."""
    opened: datetime
    issues: tuple[FieldIssue, ...] = ()
    wrong: str = ""

    @property
    def now(self) -> str:
        """Digest of the report's text as it stands."""
        return text_digest(self.history.text if self.history else draft_text(self.report))

    @property
    def unseen(self) -> tuple[str, ...]:
        """Fields whose answers nobody has touched."""
        return tuple(name for name, who in self.wrote.items() if who == _AI)


def show(request: Request, study_uid: str, name: str = "", job: str = "") -> Response:
    """The form of one template; without a name the one that suits the study best."""
    record = viewed(request, study_uid, detail="template")
    case = case_shown(request, record, job)
    reading, report = case.job, case.report
    if held_back(request, reading):
        return RedirectResponse(f"/studies/{study_uid}/review?job={reading.job.job_id}", status_code=303)
    template = _template(request, name, report, record)
    answers = prefill(template, report)
    defaults = {one.name: one.default for one in template.fields if one.default is not None}
    values = {**defaults, **{key: answer.value for key, answer in answers.items()}}
    wrote = {key: _AI if key in answers else _TEMPLATE for key in values}
    sheet = Sheet(
        job=reading, report=report, history=services_of(request).edits.history(reading.reading), template=template,
        answers=answers, filled=Filled(template=template, values=values),
        given={key: typed(value) for key, value in values.items()}, wrote=wrote, base="",
        opened=services_of(request).clock.now(),
    )  # fmt: skip
    return _shown(request, record, replace(sheet, base=sheet.now))


def take(request: Request, study_uid: str, job_id: str) -> Response:
    """Preview what was filled, or put its sentences into the report."""
    record = viewed(request, study_uid, detail="template")
    case = case_shown(request, record, job_id)
    reading, report = case.job, case.report
    if held_back(request, reading):
        return RedirectResponse(f"/studies/{study_uid}/review?job={reading.job.job_id}", status_code=303)
    template = _template(request, form_field(request, "name"), report, record)
    sheet = _filled(request, reading, report, template)
    if form_field(request, "act") != "put":
        return _shown(request, record, sheet, previewed=True)
    if wrong := _not_yet(request, sheet):
        return _shown(request, record, replace(sheet, wrong=wrong), previewed=True, status=422)
    return _put(request, record, sheet)


def _filled(request: Request, reading: JobRecord, report: Report, template: Template) -> Sheet:
    form = request.state.form
    texts = {one.name: form.getlist(f"field-{one.name}") for one in template.fields}
    given = {name: [str(text)[:MOST_GIVEN] for text in each if str(text).strip()] for name, each in texts.items()}
    normal = [section.name for section in template.sections if form.get(f"normal-{section.name}")]
    filled, issues = fill(template, given, normal=normal)
    answers = prefill(template, report)
    touched = set(form_field(request, "touched", limit=20_000).splitlines())
    return Sheet(
        job=reading, report=report, history=services_of(request).edits.history(reading.reading), template=template,
        answers=answers, filled=filled, given=given, issues=issues,
        wrote={one.name: _who(one, filled, answers, touched) for one in template.fields if given[one.name]},
        base=form_field(request, "base"), opened=_opened(request),
    )  # fmt: skip


def _opened(request: Request) -> datetime:
    """When the form was opened, as the page says it; now, where that cannot be."""
    now = services_of(request).clock.now()
    try:
        said = datetime.fromisoformat(form_field(request, "opened"))
    except ValueError:
        return now
    return said if said.tzinfo and now - _LONGEST <= said <= now else now


def _who(field: Field, filled: Filled, answers: Mapping[str, Prefilled], touched: set[str]) -> str:
    value, answer = filled.values.get(field.name), answers.get(field.name)
    if answer is not None:
        return _AI if value == answer.value and field.name not in touched else _EDITED
    kept = value is not None and value == field.default and field.name not in touched
    return _TEMPLATE if kept else _HUMAN


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


def narrative_of(request: Request, sheet: Sheet) -> tuple[Told, ...]:
    """What the form says, in the site's house style."""
    services = services_of(request)
    return narrative(sheet.filled, services.templates.phrases(services.settings.site.language))


def _put(request: Request, record: StudyRecord, sheet: Sheet) -> Response:
    """Through the same log as every edit; 409 with the form as it was, where somebody saved the report meanwhile."""
    study_uid, job_id = record.row.study_instance_uid, sheet.job.reading
    told = [Line(section=each.section, text=each.text, was=NEW) for each in narrative_of(request, sheet)]
    below = form_field(request, "where") == "below"
    _told(request, study_uid, f"report of job {job_id} is being filled by template {sheet.template.name}")
    services = services_of(request)
    kept = save_lines(
        services.edits,
        report=sheet.report,
        job_id=job_id,
        study_instance_uid=study_uid,
        lines=[*lines_of(sheet.report, sheet.history), *told] if below else told,
        base_sha256=sheet.base,
        reviewer=visitor_of(request).account.name,
        seconds=(services.clock.now() - sheet.opened).total_seconds(),
        accepted=0,
        now=services.clock.now(),
    )
    if kept is None:
        wrong = say("Somebody else has saved this report since you opened the form. Look at the report first.")
        return _shown(request, record, replace(sheet, wrong=wrong, base=sheet.now), previewed=True, status=409)
    _told(request, study_uid, f"report of job {job_id} filled by template {sheet.template.name}, edit log {kept}")
    return RedirectResponse(f"/studies/{study_uid}/review?job={sheet.job.job.job_id}", status_code=303)


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
        told=_by_part(narrative_of(request, sheet), sheet) if previewed else None,
        rests_on={name: _findings(answer, known) for name, answer in sheet.answers.items()},
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


def _by_part(told: Sequence[Told], sheet: Sheet) -> dict[Section, list[tuple[str, str]]]:
    """Each sentence with who said it: the AI's while no field of it was touched."""
    parts: dict[Section, list[tuple[str, str]]] = {}
    for each in told:
        wrote = {sheet.wrote.get(name, _HUMAN) for name in each.fields}
        parts.setdefault(each.section, []).append((each.text, wrote.pop() if len(wrote) == 1 else _HUMAN))
    return parts


def _findings(answer: Prefilled, known: Mapping[str, Finding]) -> list[Finding]:
    return [known[each] for each in answer.findings if each in known]
