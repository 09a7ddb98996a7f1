"""Measurement and unit: two sizes of one finding, a number without its unit, or with a unit of something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.numbers import Size, same_thing, sizes

_THINGS = (
    "nodules? mass lesion cyst opacity aneurysm effusion pneumothorax calculus stone node rundherd herd zyste knoten"
)
_THING = rf"(?:{'|'.join(_THINGS.split())})"
_BARE = re.compile(
    rf"(?<![\w.,/-])(\d+(?:[.,]\d+)?)(?: (?:(?!(?:mm|cm|m|ml|hu|x)\b)\w+ ){{0,2}}{_THING}\b)"
    r"|\b(?:measur\w+|diameter(?: of)?|size of|up to|thickness of|misst"
    r"|durchmesser(?: von)?)\s+(?:approximately |about |up to |ca\. )?"
    r"(\d+(?:[.,]\d+)?)(?!\s*(?:mm|cm|m\b|ml|hu|%|x|×|by|,|\.?\d|millim|centim|percent|hours?|weeks?|/))",
    re.IGNORECASE,
)
_CLASSIFIED = re.compile(
    r"(?:(?<=\w)-?RADS|\b[A-Z]{2,}[\w-]*|(?<=[a-z,;:] )[A-ZÄÖÜ][a-zäöüé]{2,}"
    r"|\b(?i:grades?|types?|stages?|class|category|score|segments?|levels?|zones?|stations?|groups?|series|images?|slices?"
    r"|numbers?|no\.?|nr\.?|day|week|grad|typ|stadium|klasse|kategorie|segmente?|serie|bild|gruppe|höhe|tag))\s*$"
)
"""Before a number that is a class or a place, of a scale that may bear somebody's name."""
_COUNT = re.compile(r"^(?:[1-9]|1\d|20)$")
_OTHER_KIND = re.compile(
    rf"(?<!\d)(\d+(?:[.,]\d+)?)\s*(ml|l|hu|kg|mg|g|kv|ms|°|sec|mmhg)\s+(?:\w+ ){{0,2}}{_THING}\b"
    rf"|{_THING} (?:\w+ ){{0,3}}(?:of|measuring|measures|misst) (\d+(?:[.,]\d+)?)\s*(hu|kg|mg|g|kv|ms|°|sec|mmhg)\b"
    r"|(?<!\d)(\d+(?:[.,]\d+)?)\s*(ml|l|hu|kg|mg|g|kv|ms|°|sec|mmhg)\s+(?:above|below|from|proximal|oberhalb|unterhalb)\b",
    re.IGNORECASE,
)
_TOLERANCE = 0.25
"""Share by which two roundings of one size may differ."""


def issues(case: Case) -> Iterator[Issue]:
    """Sizes of one finding against each other and the AI reading's, then numbers whose unit is missing or odd."""
    found = [each for each in sizes(case.reading) if not each.former]
    yield from _sections(found)
    yield from _reading(case, found)
    for part in (Part.FINDINGS, Part.IMPRESSION):
        for sentence in case.reading.sentences(part):
            yield from _units(sentence)


def _sections(found: Sequence[Size]) -> Iterator[Issue]:
    for each in (one for one in found if one.part is Part.IMPRESSION):
        same = [one for one in found if one.part is Part.FINDINGS and same_thing(one, each)]
        if same and not any(_alike(one.mm[0], each.mm[0]) for one in same):
            message = f"The impression says {each.span.text}, the findings {same[0].span.text}: correct one of them."
            yield at(each.span, Kind.MEASUREMENT, Severity.MAJOR, "measurement.sections", message)


def _reading(case: Case, found: Sequence[Size]) -> Iterator[Issue]:
    for each in found:
        measured = [mm for seen in case.seen if seen.present and seen.name == each.of for mm in seen.sizes_mm]
        if measured and not any(_alike(mm, size) for mm in measured for size in each.mm):
            message = f"The AI reading measured {measured[0]:g} mm, the report says {each.span.text}: measure again."
            yield at(each.span, Kind.MEASUREMENT, Severity.MAJOR, "measurement.reading", message)


def _units(sentence: Span) -> Iterator[Issue]:
    for found in _BARE.finditer(sentence.text):
        number = found[1] or found[2]
        if found[2] or not (_counted(sentence.text, found) or _CLASSIFIED.search(sentence.text, 0, found.start(1))):
            span = Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
            yield at(span, Kind.MEASUREMENT, Severity.MAJOR, "measurement.unit", f"{number} has no unit: add it.")
    for found in _OTHER_KIND.finditer(sentence.text):
        span = Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
        message = f"{found[0].strip()!r} gives a length in a unit of something else: write mm or cm."
        yield at(span, Kind.MEASUREMENT, Severity.MAJOR, "measurement.kind", message)


def _counted(text: str, found: re.Match[str]) -> bool:
    """Whether the number counts things: "3 nodules"."""
    return bool(_COUNT.match(found[1])) and found[0].rstrip().endswith(("s", "herde", "zysten"))


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= max(1.0, _TOLERANCE * max(one, other))
