"""Prefill: what an AI draft already answers of a template, by codes alone; what fits no field is said, never lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain.code import ABSENT, LEFT, MILD, MODERATE, PRESENT, RIGHT, SEVERE, Code
from service.domain.report import Finding, Measurement, Report
from service.domain.template import Field, FieldKind, Template, Value

_DEGREES = (MILD, MODERATE, SEVERE)
_SIDES = frozenset({LEFT, RIGHT})
_MODALITIES = frozenset({"CT", "MR", "MRI", "US", "PET", "MG", "XA"})
ANY = "any"
"""Name of the template that suits where no other does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefilled:
    """An answer, and the findings that it rests on, by tracking id."""

    value: Value
    findings: tuple[str, ...]


def prefill(template: Template, report: Report) -> dict[str, Prefilled]:
    """Answers by field. A field that findings answer both ways is left to the person."""
    found = {field.name: _answer(field, report.findings) for field in template.fields}
    return {name: answer for name, answer in found.items() if answer is not None}


def left_over(report: Report, answers: dict[str, Prefilled]) -> tuple[Finding, ...]:
    """Findings that are present and that no field took."""
    taken = {tracking_id for answer in answers.values() for tracking_id in answer.findings}
    return tuple(finding for finding in report.findings if finding.present and finding.tracking_id not in taken)


def _answer(field: Field, findings: Sequence[Finding]) -> Prefilled | None:
    if field.kind is FieldKind.NUMBER:
        return _measured(field, findings)
    if field.kind is FieldKind.CHOICE:
        return _stated(field, [finding for finding in findings if _about(field, finding)])
    return _seen(field, findings) if field.kind is FieldKind.CHOICES else None


def _about(field: Field, finding: Finding) -> bool:
    """Whether the finding is what the field asks for: its concept, on its side, at its site. Absent without a side is
    absent on both."""
    if finding.concept != field.concept:
        return False
    if field.side and finding.laterality != field.side and (finding.present or finding.laterality):
        return False
    sites = [code for code in field.codes[1:] if code not in _SIDES]
    return all(site == finding.site for site in sites)


def _stated(field: Field, findings: Sequence[Finding]) -> Prefilled | None:
    if not findings or len({finding.present for finding in findings}) > 1:
        return None
    option = next((found for code in _codes(findings) if (found := field.coded(code))), None)
    return Prefilled(value=(option.text,), findings=_ids(findings)) if option else None


def _codes(findings: Sequence[Finding]) -> Iterator[Code]:
    """What option says it, the worst degree first."""
    if not findings[0].present:
        yield ABSENT
        return
    yield from (degree for degree in reversed(_DEGREES) if any(finding.severity == degree for finding in findings))
    yield PRESENT


def _measured(field: Field, findings: Sequence[Finding]) -> Prefilled | None:
    """The largest value of what is asked for, in its unit, of the finding that the field names."""
    fitting = [
        (measurement.value, finding)
        for finding in findings
        if finding.present and finding.concept in field.codes[1:]
        for measurement in finding.measurements
        if _same(field, measurement)
    ]
    if not fitting:
        return None
    value, finding = max(fitting, key=lambda pair: pair[0])
    stated = float(f"{value:g}")
    return None if field.wrong(stated) else Prefilled(value=stated, findings=(finding.tracking_id,))


def _same(field: Field, measurement: Measurement) -> bool:
    return measurement.concept == field.concept and measurement.unit == field.unit and measurement.derivation is None


def _seen(field: Field, findings: Sequence[Finding]) -> Prefilled | None:
    """The options whose codes are those of present findings."""
    present = [finding for finding in findings if finding.present and field.coded(finding.concept)]
    chosen = [option for option in field.options if option.code in {finding.concept for finding in present}]
    return Prefilled(value=tuple(option.text for option in chosen), findings=_ids(present)) if chosen else None


def _ids(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(finding.tracking_id for finding in findings)


def fitting(templates: Sequence[Template], report: Report, modalities: Sequence[str]) -> Template | None:
    """The template to begin with: of the study's modality, where its title names one, and with most answers."""

    def fits(one: Template) -> tuple[int, int, bool]:
        return _of(one, modalities), len(prefill(one, report)), one.name == ANY

    return max(templates, key=fits, default=None)


def _of(template: Template, modalities: Sequence[str]) -> int:
    named = set(template.title.split()) & _MODALITIES
    return 0 if not named else 1 if named & set(modalities) else -1
