"""Implausible value: a number that no body has, such as a nodule of 90 cm or a cardiothoracic ratio of 5."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.numbers import Size, sizes

_LARGEST_MM = {
    "nodule": 60.0, "granuloma": 60.0, "cavity": 150.0, "mass": 250.0, "pneumothorax": 150.0, "calculus": 100.0,
    "pleural thickening": 80.0, "pleural effusion": 250.0, "lymphadenopathy": 150.0, "mediastinal widening": 200.0,
    "aneurysm": 150.0, "midline shift": 40.0, "cyst": 300.0, "fracture": 150.0, "hemorrhage": 200.0, "abscess": 250.0,
}  # fmt: skip
"""Beyond every case that is published as the largest, or nearly."""
_ANYTHING_MM = 400.0
_ORGANS = re.compile(
    r"\b(?:liver|spleen|kidneys?|uterus|prostate|goit\w+|thyroid|leber|milz|nieren?|struma|schilddrüse\w*)\b",
    re.IGNORECASE,
)
"""Beside one of them a size may be the organ's."""
_RATIO = re.compile(
    r"(?:cardio-?thoracic ratio|ctr|herz-?thorax-?quotient"
    r"|htq)\D{0,15}(\d+(?:[.,]\d+)?)\s*(%?)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)?)\s*(?:%|percent|prozent)", re.IGNORECASE)
_GROWTH = re.compile(r"increas|enlarg|grow|grew|zunahme|zugenommen|doubl|larger|vergrößer", re.IGNORECASE)
"""What has no upper end."""
_HU = re.compile(r"(?<![\w.,])([-−]?\d+(?:[.,]\d+)?)\s*(?:HU|HE|Hounsfield)\b")
_CARINA = re.compile(
    r"(?<!\d)(\d+(?:[.,]\d+)?)\s*(mm|cm)\s+(?:above|proximal to|oberhalb|über)\s+(?:the "
    r"|der )?carina",
    re.IGNORECASE,
)
_RIBS = re.compile(r"\b(\d{1,4})(?:st|nd|rd|th) (?:\w+ )?ribs?\b|\b(\d{1,4})\. rippe", re.IGNORECASE)
_VERTEBRA = re.compile(r"\b(?:T|Th|BWK\s?)(\d{1,3})\b|\b(?:L|LWK\s?)(\d{1,3})(?= (?:compression|vertebr|fracture))")
_TRACHEA_MM = 140.0


def issues(case: Case) -> Iterator[Issue]:
    """By the finding that a size belongs to, then ratios, percentages, densities, and counted ribs and vertebrae."""
    for size in sizes(case.reading):
        if _too_large(size):
            message = (
                f"{size.span.text} is not a plausible size{f' of {size.of}' if size.of else ''}: check number and unit."
            )
            yield at(size.span, Kind.VALUE, Severity.MAJOR, "value.size", message, likely=bool(size.of))
    for part in (Part.FINDINGS, Part.IMPRESSION):
        for sentence in case.reading.sentences(part):
            for found in _odd(sentence.text):
                span = Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
                message = f"{found[0].strip()!r} is not plausible: check the number."
                yield at(span, Kind.VALUE, Severity.MAJOR, "value.range", message)


def _too_large(size: Size) -> bool:
    organ = _ORGANS.search(size.sentence.text)
    largest = _ANYTHING_MM if organ else _LARGEST_MM.get(size.of, _ANYTHING_MM)
    return size.mm[0] > largest or size.mm[0] <= 0


def _odd(text: str) -> Iterator[re.Match[str]]:
    for found in _RATIO.finditer(text):
        ratio = _number(found[1]) / (100 if found[2] else 1)
        if not 0.25 <= ratio <= 1.0:
            yield found
    if not _GROWTH.search(text):
        yield from (found for found in _PERCENT.finditer(text) if _number(found[1]) > 100)
    yield from (found for found in _HU.finditer(text) if not -1100 <= _number(found[1]) <= 4000)
    for found in _CARINA.finditer(text):
        if _number(found[1]) * (10 if found[2].lower() == "cm" else 1) > _TRACHEA_MM:
            yield found
    yield from (found for found in _RIBS.finditer(text) if not 1 <= int(found[1] or found[2]) <= 12)
    for found in _VERTEBRA.finditer(text):
        if int(found[1] or 0) > 13 or int(found[2] or 0) > 6:
            yield found


def _number(text: str) -> float:
    return float(text.replace(",", ".").replace("−", "-"))
