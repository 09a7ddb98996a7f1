"""Filled: the answers to a template, what is missing in them, and what a person typed as an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from service.domain.template import Completion, Field, FieldKind, Template, Value


@dataclass(frozen=True, slots=True)
class FieldIssue:
    """What is wrong with one field of a filled form, for a person."""

    field: str
    message: str
    blocks: bool = True
    """Whether the report is not finished with it; else the radiologist is only told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A template and the answers to it. Raises ValueError for an answer that its field cannot have."""

    template: Template
    values: Mapping[str, Value]
    """By field; an unanswered field has none."""
    normal: frozenset[str] = frozenset()
    """Sections of which a person said that everything else is normal."""

    def __post_init__(self) -> None:
        if issue := next(refusals(self.template, self.values), None):
            raise ValueError(f"{issue.field}: {issue.message}")
        if unknown := self.normal - {section.name for section in self.template.sections}:
            raise ValueError(f"{min(unknown)}: the template has no such section")

    @property
    def issues(self) -> tuple[FieldIssue, ...]:
        """Fields that were to be filled and are not, in their order."""
        return tuple(self._unfilled())

    def _unfilled(self) -> Iterator[FieldIssue]:
        for field in self.template.fields:
            if field.completion is not Completion.NONE and field.name not in self.values:
                blocks = field.completion is Completion.PROHIBIT
                yield FieldIssue(
                    field.name, f"{field.label} is required" if blocks else f"{field.label} is empty", blocks
                )


def refusals(template: Template, values: Mapping[str, Value]) -> Iterator[FieldIssue]:
    """Answers that their fields cannot have, and answers to nothing."""
    for name, value in values.items():
        field = template.field(name)
        if field is None:
            yield FieldIssue(name, "the template has no such field")
        elif value in ("", ()):
            yield FieldIssue(name, "an empty answer is none")
        elif wrong := field.wrong(value):
            yield FieldIssue(name, f"{field.label}: {wrong}")


def read_value(field: Field, given: Iterable[str]) -> Value | None:
    """What a person typed or chose, as an answer; None for nothing. Raises ValueError for what cannot be read."""
    texts = [plain for text in given if (plain := plain_text(text, lines=field.lines > 1))]
    if not texts:
        return None
    if field.kind in {FieldKind.CHOICE, FieldKind.CHOICES}:
        return tuple(option.text for option in field.options if option.text in texts) + tuple(
            text for text in texts if field.option(text) is None
        )
    if field.kind is FieldKind.NUMBER:
        return _number(texts[0])
    return _date(texts[0]) if field.kind is FieldKind.DATE else texts[0]


def plain_text(text: str, *, lines: bool = False) -> str:
    """`text` in NFC, without control characters and surplus blanks; on one line unless `lines`."""
    normal = unicodedata.normalize("NFC", text)
    kept = ["".join(sign if sign.isprintable() else " " for sign in line) for line in normal.splitlines()]
    whole = [" ".join(line.split()) for line in kept]
    return ("\n" if lines else " ").join(line for line in whole if line)


def _number(text: str) -> float:
    try:
        return float(text.replace("\u2212", "-").replace(",", "."))
    except ValueError:
        raise ValueError(f"“{text[:40]}” is no number; write it like 12.5") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text[:40]}” is no date; write it like 2026-03-04") from None


def fill(
    template: Template, given: Mapping[str, Iterable[str]], *, normal: Iterable[str] = ()
) -> tuple[Filled, tuple[FieldIssue, ...]]:
    """The form that a person filled, and every issue of it: what cannot be read is no answer, and is said."""
    values: dict[str, Value] = {}
    issues: list[FieldIssue] = []
    for field in template.fields:
        try:
            value = read_value(field, given.get(field.name, ()))
        except ValueError as error:
            issues.append(FieldIssue(field.name, f"{field.label}: {error}"))
            continue
        if value is not None:
            values[field.name] = value
    refused = list(refusals(template, values))
    for issue in refused:
        del values[issue.field]
    known = {section.name for section in template.sections}
    filled = Filled(template=template, values=values, normal=frozenset(normal) & known)
    wrong = {issue.field for issue in (*issues, *refused)}
    return filled, (*issues, *refused, *(issue for issue in filled.issues if issue.field not in wrong))


def typed(value: Value) -> tuple[str, ...]:
    """The answer as a person would type or choose it: `read_value` reads it again."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, float):
        return (f"{value:g}",)
    return (value.isoformat() if isinstance(value, date) else value,)
