"""Inspect: every rule over one case, the gravest issue first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from service.domain.prose.span import Span
from service.domain.quality import (
    anatomy,
    comparison,
    device,
    impression,
    laterality,
    measurement,
    missing_finding,
    negation,
    question,
    required_field,
    section,
    typo,
    value,
)
from service.domain.quality.case import Case
from service.domain.quality.issue import RANK, Issue, Kind

Rule = Callable[[Case], Iterator[Issue]]

RULES: dict[Kind, Rule] = {
    Kind.LATERALITY: laterality.issues,
    Kind.NEGATION: negation.issues,
    Kind.MISSING_FINDING: missing_finding.issues,
    Kind.IMPRESSION: impression.issues,
    Kind.DEVICE: device.issues,
    Kind.MEASUREMENT: measurement.issues,
    Kind.VALUE: value.issues,
    Kind.COMPARISON: comparison.issues,
    Kind.ANATOMY: anatomy.issues,
    Kind.SECTION: section.issues,
    Kind.TYPO: typo.issues,
    Kind.FIELD: required_field.issues,
    Kind.QUESTION: question.issues,
}


def inspect(case: Case) -> tuple[Issue, ...]:
    """At most one issue of a kind for the same words."""
    found: dict[tuple[Kind, Span, str], Issue] = {}
    for rule in RULES.values():
        for issue in rule(case):
            last = issue.message if issue.start == issue.end else ""
            found.setdefault((issue.kind, Span(issue.start, issue.end, ""), last), issue)
    return ranked(found.values())


def ranked(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Alarms before hints, each with the gravest first."""
    return tuple(sorted(issues, key=lambda issue: (not issue.likely, RANK[issue.severity], issue.start, issue.kind)))
