"""Section missing: a report with headers that lacks a section which this site wants."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, missing

_SHORT = 3
"""Words; fewer are no report."""
_PARAGRAPH = 20
_SUMS_UP = re.compile(
    r"\b(?:in (?:summary|conclusion)|overall|impression|conclusion|recommend\w*|advised?"
    r"|should be considered|suggested|empfohlen|insgesamt|zusammenfassend|somit)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"finding|observ|report|descr|see\b|befund|impr|imp\b|concl|opinion|assess|summ|interpr|diagn|mean|bottom|beurt"
    r"|zusammen|fazit|bewert|ergebnis",
    re.IGNORECASE,
)
"""Headers of these two sections; those of organs are none."""
_TOLD = frozenset((Part.FINDINGS, Part.IMPRESSION))
"""A house that heads neither may set its conclusion apart by other means: what is missing there is a hint."""


def issues(case: Case) -> Iterator[Issue]:
    """Nothing for a report without any header, and nothing for a wet read alone."""
    reading = case.reading
    headed = any(section.header for section in reading.sections)
    joint = any(section.part is Part.FINDINGS and _names_both(section.header) for section in reading.sections)
    wet = any("wet" in each.header.casefold() or "prelim" in each.header.casefold() for each in reading.sections)
    if not headed or wet or len(case.text.split()) < _SHORT:
        return
    told = any(section.part in _TOLD and _NAMED.search(section.header) for section in reading.sections)
    for part in case.required:
        held = reading.has(part) or (part is Part.IMPRESSION and joint)
        if not held:
            message = f"The report has no {part}: write that section."
            rule = f"section.{part.value.replace(' ', '-')}"
            likely = told or (part is Part.IMPRESSION and _one_paragraph(case))
            yield missing(case.text, Kind.SECTION, Severity.MAJOR, rule, message, likely=likely)


def _one_paragraph(case: Case) -> bool:
    """Whether the findings are one paragraph that does not sum itself up: a conclusion would stand apart."""
    found = [each.body.text for each in case.reading.sections if each.part is Part.FINDINGS]
    alone = len(found) == 1 and "\n" not in found[0] and len(found[0].split()) >= _PARAGRAPH
    return alone and not _SUMS_UP.search(found[0])


def _names_both(header: str) -> bool:
    plain = header.casefold()
    return "finding" in plain and "impression" in plain
