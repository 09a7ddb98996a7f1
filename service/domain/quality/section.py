"""Section missing: a report with headers that lacks a section which this site wants."""

from __future__ import annotations

from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, missing

_SHORT = 3
"""Words; fewer are no report."""
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
    told = any(section.header and section.part in _TOLD for section in reading.sections)
    for part in case.required:
        held = reading.has(part) or (part is Part.IMPRESSION and joint)
        if not held:
            message = f"The report has no {part}: write that section."
            rule = f"section.{part.value.replace(' ', '-')}"
            yield missing(case.text, Kind.SECTION, Severity.MAJOR, rule, message, likely=told)


def _names_both(header: str) -> bool:
    plain = header.casefold()
    return "finding" in plain and "impression" in plain
