"""Numbers: sizes in a text, each with its unit, its place, and what it is the size of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.prose.vocabulary import akin

_VALUE = r"\d+(?:[.,]\d+)?"
_SIZE = re.compile(
    rf"(?<![\w.,/]){_VALUE}(?:\s*(?:x|×|by)\s*{_VALUE}){{0,2}}\s*(mm|cm|millimet\w+|centimet\w+|m)\b(?![²³23^])(?!\s*(?:/|per\b|pro\b|h2o\b|hg\b|water\b))",
    re.IGNORECASE,
)
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "mil": 1.0, "cen": 10.0}
_FORMER = re.compile(
    r"\b(?:previously|compared (?:to|with)|versus|vs|from|before|formerly|earlier|zuvor"
    r"|vormals|ehemals|statt)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """One size as it stands, in millimetres, largest first."""

    span: Span
    mm: tuple[float, ...]
    part: Part
    sentence: Span
    of: str
    """The finding nearest to it in its sentence; empty for none."""
    former: bool
    """Whether it is the size that an earlier examination showed."""


def sizes(reading: Reading) -> Iterator[Size]:
    """Every size of findings and impression, in order."""
    for part in (Part.FINDINGS, Part.IMPRESSION):
        for sentence in reading.sentences(part):
            for found in _SIZE.finditer(sentence.text):
                unit = found[1].lower()
                factor = _MM.get(unit) or _MM.get(unit[:3], 1.0)
                mm = sorted(
                    (float(value.replace(",", ".")) * factor for value in re.findall(_VALUE, found[0])), reverse=True
                )
                span = Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
                former = bool(_FORMER.search(sentence.text[: found.start()]))
                yield Size(
                    span=span,
                    mm=tuple(mm),
                    part=part,
                    sentence=sentence,
                    of=_nearest(reading, span, sentence),
                    former=former,
                )


def same_thing(one: Size, other: Size) -> bool:
    """Whether two sizes are of one finding, as far as words tell."""
    return bool(one.of and other.of) and akin(one.of, other.of)


def _nearest(reading: Reading, span: Span, sentence: Span) -> str:
    near = [each for each in reading.mentions if sentence.start <= each.span.start < sentence.end and not each.absent]
    after = [each for each in near if each.span.start >= span.end]
    if after and re.match(r"\s+(?:of|an?)\b", sentence.text[span.end - sentence.start :]):
        near = after[:1]
    best = min(
        near, key=lambda each: min(abs(each.span.start - span.end), abs(span.start - each.span.end)), default=None
    )
    return best.name if best else ""
