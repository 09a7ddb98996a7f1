"""Issue: one thing to look at again in a report: what kind, how grave, where, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.span import Span


class Kind(StrEnum):
    LATERALITY = "laterality"
    NEGATION = "negation"  #: one and the same is stated and denied
    MISSING_FINDING = "missing finding"  #: the AI reading has it, the text is silent
    IMPRESSION = "impression against findings"
    DEVICE = "device"
    MEASUREMENT = "measurement and unit"
    VALUE = "implausible value"
    COMPARISON = "comparison without prior"
    ANATOMY = "sex and anatomy"
    SECTION = "section missing"
    TYPO = "typo"
    FIELD = "required field"
    QUESTION = "question not answered"  #: the order asks, the text is silent


class Severity(StrEnum):
    """How much harm it may do if it is true."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """The span is empty at the text's end where something is missing from it."""

    kind: Kind
    severity: Severity
    start: int
    end: int
    message: str
    """What is wrong and what to do, one or two sentences."""
    rule: str
    """Stable, such as "laterality.sections"."""
    likely: bool = True
    """An alarm; else a hint, which is shown folded."""
    by: str = "rules"
    """Who says so: rules, or a model by name, version and digest."""


def at(span: Span, kind: Kind, severity: Severity, rule: str, message: str, *, likely: bool = True) -> Issue:
    """An issue with the words of `span`."""
    return Issue(
        kind=kind, severity=severity, start=span.start, end=span.end, message=message, rule=rule, likely=likely
    )


def missing(text: str, kind: Kind, severity: Severity, rule: str, message: str, *, likely: bool = True) -> Issue:
    """An issue with what a text lacks."""
    return at(Span(len(text), len(text), ""), kind, severity, rule, message, likely=likely)
