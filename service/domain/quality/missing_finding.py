"""Missing finding: the AI reading has one, and the text is silent about it."""

from __future__ import annotations

from collections.abc import Iterator

from service.domain.prose.devices import devices
from service.domain.prose.side import Side
from service.domain.prose.vocabulary import akin
from service.domain.quality.case import Case, Seen
from service.domain.quality.issue import Issue, Kind, Severity, missing

_GRAVE = frozenset(("pneumothorax", "mediastinal widening", "pneumoperitoneum", "hemorrhage", "pulmonary embolism"))


def issues(case: Case) -> Iterator[Issue]:
    """One for each finding that the text does not name, in whatever words, stated, doubted or denied."""
    named = {each.name for each in case.reading.told} | {each.name for each in devices(case.reading)}
    for each in case.seen:
        if each.present and not any(akin(each.name, name) for name in named):
            severity = Severity.CRITICAL if each.name in _GRAVE else Severity.MAJOR
            message = f"The AI reading has {_words(each)}, the report does not mention it: add it or deny it."
            yield missing(case.text, Kind.MISSING_FINDING, severity, "missing-finding.reading", message)


def _words(seen: Seen) -> str:
    side = {Side.BOTH: "bilateral ", Side.UNSAID: ""}.get(seen.side, f"{seen.side} ")
    return f"{side}{seen.name}"
