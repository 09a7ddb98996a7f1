"""Form: a report by template, prefilled from the draft, previewed, and put into the report by a radiologist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from service.domain.submitted import Submitted
from service.domain.template import Template
from service.flow.form import Answered, Kept, forms_of, lines_of_form, newest_form, sentences_of, who_answered
from service.flow.prefill import Prefilled, fitting, left_over, prefill
from service.flow.review import Line, draft_text, lines_of
from service.flow.review import save as save_lines
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.dicomweb.resources import ROOT
from service.web.door import field as form_field
from service.web.door import visitor_of
from service.web.pages import closed_form
from service.web.pages.first_read import held_back
from service.web.pages.pictures import pictures
from service.web.pages.review import Case, case_shown, not_overtaken, overtaken_by
from service.web.pages.signed import reviewed
from service.web.pages.study import viewed
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

MOST_GIVEN = 5000
"""Characters that are taken of one field of a form."""
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
    wrote: Mapping[str, Answered]
    """Who answered each field: the AI until a person touched it."""
    touched: frozenset[str]
    base: str
    """Digest of the report's text when the form was opened."""
    seen: int
    """Number of the last form that had been put into the report then."""
    opened: datetime
    issues: tuple[FieldIssue, ...] = ()
    wrong: str = ""
    former: Kept | None = None
    """What was put into the report of this template, if that is what the form shows."""

    @property
    def now(self) -> str:
        """Digest of the report's text as it stands."""
        return text_digest(self.history.text if self.history else draft_text(self.report))

    @property
    def unseen(self) -> tuple[str, ...]:
        """Fields whose answers nobody has touched."""
        return tuple(name for name, who in self.wrote.items() if who is Answered.AI)


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
    sheet = _sheet(request, case, template, given, normal=normal, touched=touched)
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
    sheet = _filled(request, case, template)
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


def _filled(request: Request, case: Case, template: Template) -> Sheet:
    """As it was sent."""
    form = request.state.form
    texts = {one.name: form.getlist(f"field-{one.name}") for one in template.fields}
    given = {name: [str(text)[:MOST_GIVEN] for text in each if str(text).strip()] for name, each in texts.items()}
    normal = [section.name for section in template.sections if form.get(f"normal-{section.name}")]
    touched = form_field(request, "touched", limit=20_000).splitlines()
    sheet = _sheet(request, case, template, given, normal=normal, touched=touched)
    seen = form_field(request, "seen")
    return replace(
        sheet, base=form_field(request, "base"), opened=_opened(request),
        seen=int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0,
    )  # fmt: skip


def _sheet(
    request: Request, case: Case, template: Template, given: Mapping[str, Sequence[str]], *,
    normal: Iterable[str], touched: Iterable[str],
) -> Sheet:  # fmt: skip
    """The form with these answers, of the report as it stands."""
    answers, hands = prefill(template, case.report), {one.name for one in template.fields}.intersection(touched)
    filled, issues = fill(template, given, normal=normal)
    who = {one.name: who_answered(one, filled, answers, hands) for one in template.fields if given.get(one.name)}
    wrote = {name: each or Answered.HUMAN for name, each in who.items()}
    mine = {name for name, each in wrote.items() if each in {Answered.EDITED, Answered.HUMAN}}
    return Sheet(
        job=case.job, report=case.report, history=case.history, template=template, answers=answers, filled=filled,
        given=given, issues=issues, wrote=wrote, touched=frozenset(hands | mine), base=case.base,
        seen=newest_form(case.history), opened=services_of(request).clock.now(),
    )  # fmt: skip


def _opened(request: Request) -> datetime:
    """When the form was opened, as the page says it; now, where that cannot be."""
    now = services_of(request).clock.now()
    try:
        said = datetime.fromisoformat(form_field(request, "opened"))
    except ValueError:
        return now
    return said if said.tzinfo and now - _LONGEST <= said <= now else now


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
        told=_by_part(narrative_of(request, sheet), sheet) if previewed else None,
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


def _by_part(told: Sequence[Told], sheet: Sheet) -> dict[Section, list[tuple[str, str]]]:
    """Each sentence with who said it, as the report will say."""
    form = Submitted(filled=sheet.filled, told=tuple(told), touched=sheet.touched)
    parts: dict[Section, list[tuple[str, str]]] = {}
    for line in lines_of_form(form, sheet.answers):
        parts.setdefault(line.section, []).append((line.text, line.provenance.value))
    return parts


def _findings(answer: Prefilled, known: Mapping[str, Finding]) -> list[Finding]:
    return [known[each] for each in answer.findings if each in known]
