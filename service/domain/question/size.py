"""Size: how large a clause says that something is, in its own words: a measure, else a degree."""

from __future__ import annotations

import re

from service.domain.prose.span import Span

_NUMBER = r"\d{1,6}(?:[.,]\d{1,6})?"
_MEASURE = re.compile(
    rf"(?<![\d.,]){_NUMBER}(?:\s*(?:x|×|by|mal)\s*{_NUMBER}){{0,3}}\s*(?:mm|cm|ml|cc)\b", re.IGNORECASE
)
_EARLIER = re.compile(
    r"\b(?:previously|formerly|compared (?:to|with)|versus|before|earlier|prior|was|zuvor|vormals|vorher|vorbefund"
    r"|voraufnahme|gegenüber|statt|ehemals)\b",
    re.IGNORECASE,
)
"""What follows tells of an earlier examination."""
_DEGREE = re.compile(
    r"(?<!\w)(?:traces?|minimal\w*|tiny|minor|small|mild(?:ly)?|slight(?:ly)?|moderate(?:ly)?|large|severe(?:ly)?|marked(?:ly)?"
    r"|massive|extensive|diskret\w*|gering\w*|leicht\w*|klein\w*|mäßig\w*|mittelg\w*|groß\w*|ausgeprägt\w*|schwer\w*"
    r"|hochgradig\w*|massiv\w*)(?!\w)",
    re.IGNORECASE,
)


def size_of(clause: Span, thing: Span) -> str:
    """The measures in `clause`, else the degree nearest before `thing` in it, else the first after; empty for none."""
    earlier = _EARLIER.search(clause.text)
    text = clause.text[: earlier.start()] if earlier and earlier.start() > 0 else clause.text
    if measures := [" ".join(each[0].split()) for each in _MEASURE.finditer(text)]:
        return " and ".join(dict.fromkeys(measures))
    degrees = list(_DEGREE.finditer(text))
    before = [each for each in degrees if each.start() <= thing.start - clause.start]
    chosen = before[-1] if before else degrees[0] if degrees else None
    return chosen[0].lower() if chosen else ""
