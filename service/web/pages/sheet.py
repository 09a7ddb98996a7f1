"""Sheet: one form while it is filled, of the report as it stands, opened or as it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request

from service.domain.edit import History, text_digest
from service.domain.filled import FieldIssue, Filled, fill
from service.domain.phrase import Told, narrative
from service.domain.report import Report, Section
from service.domain.submitted import Submitted
from service.domain.template import Template
from service.flow.form import Answered, Kept, lines_of_form, newest_form, who_answered
from service.flow.prefill import Prefilled, prefill
from service.flow.review import draft_text
from service.ports.catalogue import JobRecord
from service.web.door import field as form_field
from service.web.pages.review import Case
from service.web.services import services_of

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


def as_sent(request: Request, case: Case, template: Template) -> Sheet:
    """As it was sent."""
    form = request.state.form
    texts = {one.name: form.getlist(f"field-{one.name}") for one in template.fields}
    given = {name: [str(text)[:MOST_GIVEN] for text in each if str(text).strip()] for name, each in texts.items()}
    normal = [section.name for section in template.sections if form.get(f"normal-{section.name}")]
    touched = form_field(request, "touched", limit=20_000).splitlines()
    sheet = sheet_of(request, case, template, given, normal=normal, touched=touched)
    seen = form_field(request, "seen")
    return replace(
        sheet, base=form_field(request, "base"), opened=_opened(request),
        seen=int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0,
    )  # fmt: skip


def sheet_of(
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


def narrative_of(request: Request, sheet: Sheet) -> tuple[Told, ...]:
    """What the form says, in the site's house style."""
    services = services_of(request)
    return narrative(sheet.filled, services.templates.phrases(services.settings.site.language))


def by_part(form: Submitted, answers: Mapping[str, Prefilled]) -> dict[Section, list[tuple[str, str]]]:
    """Each sentence that the form says, with who said it, by the part of the report where it stands."""
    parts: dict[Section, list[tuple[str, str]]] = {}
    for line in lines_of_form(form, answers):
        parts.setdefault(line.section, []).append((line.text, line.provenance.value))
    return parts
