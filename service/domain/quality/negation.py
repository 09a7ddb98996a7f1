"""Negation: what is stated in one place and denied in another, or the opposite of what the AI reading says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.mention import Mention
from service.domain.prose.sections import Part
from service.domain.prose.side import Side
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_NARROW = frozenset(
    ("other", "further", "additional", "new", "more", "large", "tension", "focal", "acute", "significant", "displaced",
     "residual", "remains", "any", "since", "resolved", "cleared", "gone", "before", "weitere", "weiterer", "neue",
     "neuer", "frische", "frischen", "spannungspneumothorax")
)  # fmt: skip
"""Beside one of these words a denial denies something narrower."""


def issues(case: Case) -> Iterator[Issue]:
    """Within the findings, then against the AI reading; the impression's contradictions are a kind of their own."""
    findings = [each for each in case.reading.told if case.reading.part(each.span.start) is Part.FINDINGS]
    for each in findings:
        if each.present and (denied := _denial(each, findings)):
            message = f"The findings state {each.name} and deny it ({denied.clause.text!r}): keep what is right."
            yield at(each.span, Kind.NEGATION, Severity.CRITICAL, "negation.findings", message)
    for part in (Part.FINDINGS, Part.IMPRESSION):
        told = [each for each in case.reading.told if case.reading.part(each.span.start) is part]
        for name in dict.fromkeys(each.name for each in told):
            yield from _against_reading(case, name, [each for each in told if each.name == name])


def _denial(stated: Mention, findings: Sequence[Mention]) -> Mention | None:
    """A denial of the very same, on the same side or without one; "no other" and "no new" deny something else."""
    for each in findings:
        same = each.name == stated.name and each.absent and each.clause != stated.clause
        if same and each.side in {Side.UNSAID, stated.side} and not _narrow(each):
            return each
    return None


def _narrow(denial: Mention) -> bool:
    return bool(_NARROW & set(re.findall(r"\w+", denial.clause.text.casefold())))


def _against_reading(case: Case, name: str, mentions: Sequence[Mention]) -> Iterator[Issue]:
    seen = {one.present for one in case.seen if one.name == name}
    if len(seen) != 1:
        return
    present = seen == {True}
    against = [each for each in mentions if (each.absent if present else each.present)]
    if against and len(against) == len(mentions):
        told = f"The report {'denies' if present else 'states'} {name}, the AI reading does not"
        yield at(
            against[0].span, Kind.NEGATION, Severity.CRITICAL, "negation.reading", f"{told}: look at the images again."
        )
