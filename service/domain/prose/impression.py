"""Impression: what the findings section says that matters, in its own words, the gravest first (C09).

Extractive: every sentence is a span of the report, so that nothing can be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.prose.devices import State, devices
from service.domain.prose.mention import Mention
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.span import Span

_GRAVE = (
    ("pneumothorax", "pulmonary embolism", "dissection", "pneumoperitoneum", "hemorrhage", "midline shift", "aneurysm",
     "infarct", "appendicitis", "obstruction", "abscess", "pneumomediastinum", "pericardial effusion",
     "mediastinal widening"),
    ("mass", "metastasis", "pneumonia", "consolidation", "edema", "cavity", "tuberculosis", "fracture",
     "hydronephrosis", "hydrocephalus", "pneumonitis", "contusion", "subcutaneous emphysema"),
    ("nodule", "pleural effusion", "opacity", "atelectasis", "cardiomegaly", "lymphadenopathy", "calculus",
     "interstitial disease", "pleural thickening", "congestion"),
    ("emphysema", "bronchiectasis", "hiatal hernia", "granuloma", "bulla"),
)  # fmt: skip
_RANK = {name: rank for rank, names in enumerate(_GRAVE) for name in names}
_INCIDENTAL = len(_GRAVE)
_MOST = 6
_ASKED = ("pneumothorax", "pneumonia", "pulmonary embolism", "fracture", "hemorrhage", "consolidation")


@dataclass(frozen=True, slots=True)
class Point:
    """One line of an impression: a clause of the findings."""

    text: str
    span: Span
    rank: int
    """0 grave to 4 incidental; a misplaced device is 0."""


def impression(reading: Reading) -> tuple[Point, ...]:
    """At most six points, and one for what was asked for and denied; normal sentences where nothing is stated.

    None for a text without findings.
    """
    positive = _points(reading)
    return (*positive[:_MOST], *_denied(reading, found=bool(positive)))


def _points(reading: Reading) -> list[Point]:
    found: dict[Span, int] = {}
    for each in _findings(reading):
        if each.polarity is not Polarity.ABSENT and each.name in _RANK:
            found[each.clause] = min(found.get(each.clause, _INCIDENTAL), _RANK[each.name])
    for device in devices(reading):
        if device.state is State.MALPOSITIONED and reading.part(device.span.start) is Part.FINDINGS:
            found[device.sentence] = 0
    kept = _unrepeated(sorted(found.items(), key=lambda item: (item[1], item[0])))
    return [Point(text=_line(span.text), span=span, rank=rank) for span, rank in kept]


def _findings(reading: Reading) -> list[Mention]:
    return [each for each in reading.told if reading.part(each.span.start) is Part.FINDINGS]


def _unrepeated(ranked: Sequence[tuple[Span, int]]) -> list[tuple[Span, int]]:
    """Without a clause that lies inside of a sentence that stands already."""
    kept: list[tuple[Span, int]] = []
    for span, rank in ranked:
        if not any(one.start <= span.start and span.end <= one.end for one, _ in kept):
            kept.append((span, rank))
    return kept


def _denied(reading: Reading, *, found: bool) -> tuple[Point, ...]:
    """What was asked for and denied; where nothing was `found`, else the first denials, else the first sentence."""
    denials = [each for each in _findings(reading) if each.absent]
    asked = {each.name for each in reading.of(Part.INDICATION)} | set(_ASKED)
    wanted = [each for each in denials if each.name in asked] or ([] if found else denials)
    spans = list(dict.fromkeys(each.clause for each in wanted))[: 1 if found else 3]
    spans = spans or ([] if found else _opening(reading))
    return tuple(Point(text=_line(span.text), span=span, rank=_INCIDENTAL) for span in spans)


def _opening(reading: Reading) -> list[Span]:
    return list(reading.sentences(Part.FINDINGS)[:1])


def _line(text: str) -> str:
    """A clause as a sentence of its own: the same words, a capital and a full stop."""
    in_one_line = " ".join(filter(None, (line.strip() for line in text.split("\n"))))
    plain = in_one_line.strip(" ,;:-*•").removeprefix("and ").removeprefix("und ")
    return f"{plain[:1].upper()}{plain[1:].rstrip('.')}."
