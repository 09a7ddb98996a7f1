"""Laterality: a finding on the left in one place and on the right in another, or in AI reading or header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.mention import Mention
from service.domain.prose.sections import Part
from service.domain.prose.side import Side
from service.domain.prose.span import Span
from service.domain.prose.vocabulary import PAIRED, akin
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.order import side, side_issues

_ONE = frozenset((Side.LEFT, Side.RIGHT))
_NOWHERE = re.compile(
    r"\b(?:left(?:[- ]sided)? middle lobe|right(?:[- ]sided)? lingula"
    r"|linke[rnms]? mittellappen\w*|rechte[rnms]? lingula)\b",
    re.IGNORECASE,
)
_OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def issues(case: Case) -> Iterator[Issue]:
    """The impression's sides against those of the findings, then all sides against AI reading and header."""
    findings, impression = case.reading.of(Part.FINDINGS), case.reading.of(Part.IMPRESSION)
    for each in _sided(impression):
        if _contradicted(each, findings):
            message = f"The impression says {each.side} for {each.name}, the findings {_OTHER[each.side]}: correct one."
            yield at(_place(each), Kind.LATERALITY, Severity.CRITICAL, "laterality.sections", message)
    yield from _of_one_side(case)
    yield from _against_reading(case, (*findings, *impression))
    yield from _against_header(case)
    yield from side_issues(case)


def _of_one_side(case: Case) -> Iterator[Issue]:
    """A middle lobe on the left, or a lingula on the right."""
    for found in _NOWHERE.finditer(case.text):
        message = f"{found[0]!r} does not exist, unless the chest is inverted: correct the side or the lobe."
        span = Span(found.start(), found.end(), found[0])
        yield at(span, Kind.LATERALITY, Severity.CRITICAL, "laterality.anatomy", message)


def _against_reading(case: Case, told: Sequence[Mention]) -> Iterator[Issue]:
    for each in _sided(told):
        seen = {one.side for one in case.seen if one.present and akin(one.name, each.name)}
        known = seen & {Side.BOTH, Side.UNSAID, *(one.side for one in told if akin(one.name, each.name))}
        if seen and not known:
            message = (
                f"The AI reading has {each.name} on the {_OTHER[each.side]}, the report on the {each.side}: look again."
            )
            yield at(_place(each), Kind.LATERALITY, Severity.CRITICAL, "laterality.reading", message)


def _against_header(case: Case) -> Iterator[Issue]:
    """Of an examination of one side, by header or order, the text names the other one only."""
    examined = case.laterality or side(case.order)
    wrong = _OTHER.get(examined)
    told = [each for each in case.reading.told if each.side in _ONE and each.side_span]
    if wrong and told and all(each.side is wrong for each in told):
        source = "header" if case.laterality else "order"
        message = f"The {source} says that the {examined} side was examined; the report speaks of the {wrong} one."
        yield at(_place(told[0]), Kind.LATERALITY, Severity.CRITICAL, "laterality.header", message)


def _sided(found: Sequence[Mention]) -> list[Mention]:
    return [each for each in found if each.name in PAIRED and each.side in _ONE and not each.absent]


def _contradicted(mention: Mention, findings: Sequence[Mention]) -> bool:
    """Whether the findings know it on the other side only."""
    same = [each for each in findings if akin(each.name, mention.name) and not each.absent]
    exact = [each for each in same if each.name == mention.name] or same
    return bool(exact) and {each.side for each in exact} == {_OTHER[mention.side]}


def _place(mention: Mention) -> Span:
    return mention.side_span or mention.span
