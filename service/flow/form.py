"""Form: who says each sentence of a filled form, which forms are kept with a reading, and what a report still says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.domain.edit import History, Provenance
from service.domain.filled import Filled
from service.domain.phrase import Told
from service.domain.report import Section
from service.domain.submitted import Submitted
from service.domain.template import Field
from service.flow.prefill import Prefilled
from service.flow.review import NEW, Line, one_line


class Answered(StrEnum):
    """Who answered a field."""

    AI = "AI"  #: by the draft, and nobody touched it
    EDITED = "edited"  #: by the draft, then a person touched or changed it, or took it away
    HUMAN = "human"
    TEMPLATE = "template"  #: it is the template's own, and nobody touched it


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A form that was put into a report."""

    number: int
    """Of its revision, from 1: it never names another."""
    reviewer: str
    at: datetime
    form: Submitted


def who_answered(
    field: Field, filled: Filled, answers: Mapping[str, Prefilled], touched: Collection[str]
) -> Answered | None:
    """Who answered `field`; None where nobody did. `answers` are the draft's."""
    value, answer = filled.values.get(field.name), answers.get(field.name)
    if answer is not None:
        return Answered.AI if value == answer.value and field.name not in touched else Answered.EDITED
    if value is None:
        return None
    return Answered.TEMPLATE if value == field.default and field.name not in touched else Answered.HUMAN


def who_says(
    told: Told, filled: Filled, answers: Mapping[str, Prefilled], touched: Collection[str]
) -> tuple[Provenance, tuple[str, ...]]:
    """Who says a sentence, and the findings that filled its fields, by tracking id: the AI where every field is as the
    draft answered it, a person where the draft answered none."""
    fields = [field for name in told.fields if (field := filled.template.field(name))]
    wrote = {who_answered(field, filled, answers, touched) for field in fields}
    cited = [each for field in fields if field.name in answers for each in answers[field.name].findings]
    if not cited:
        return Provenance.HUMAN, ()
    return Provenance.AI if wrote == {Answered.AI} else Provenance.EDITED, tuple(dict.fromkeys(cited))


def lines_of_form(form: Submitted, answers: Mapping[str, Prefilled]) -> list[Line]:
    """What the form says, as lines of a report: new ones, whatever stands there."""
    found = []
    for told in form.told:
        wrote, findings = who_says(told, form.filled, answers, form.touched)
        text = one_line(told.text)
        found.append(Line(section=told.section, text=text, provenance=wrote, findings=findings, was=NEW))
    return found


def forms_of(history: History | None) -> tuple[Kept, ...]:
    """Of each template the newest form that was put into the report, in their order."""
    newest = {each.form.name: each for each in _forms(history)}
    return tuple(sorted(newest.values(), key=lambda each: each.number))


def newest_form(history: History | None) -> int:
    """Number of the last form that was put into the report; 0 for none. Who knows it has seen them all."""
    return max((each.number for each in _forms(history)), default=0)


def form_at(history: History | None, number: int) -> Submitted | None:
    return next((each.form for each in _forms(history) if each.number == number), None)


def _forms(history: History | None) -> Iterator[Kept]:
    for number, revision in enumerate(history.revisions if history else (), start=1):
        if revision.form is not None:
            yield Kept(number=number, reviewer=revision.reviewer, at=revision.at, form=revision.form)


def sentences_of(form: Submitted) -> tuple[tuple[Section, str], ...]:
    """What the form says, as it stands in a report."""
    return tuple((told.section, one_line(told.text)) for told in form.told if one_line(told.text))


def stands(form: Submitted, lines: Iterable[Line]) -> bool:
    """Whether a report says every sentence of the form, unchanged: else its codes may say what the text denies."""
    there = {(line.section, one_line(line.text)) for line in lines}
    return all(each in there for each in sentences_of(form))


def standing(kept: Sequence[Kept], lines: Sequence[Line]) -> frozenset[int]:
    """Numbers of the forms whose every sentence stands in the report."""
    return frozenset(each.number for each in kept if stands(each.form, lines))
