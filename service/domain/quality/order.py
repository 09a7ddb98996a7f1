"""Order: the region and the side that were asked for, against those of the images and of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.side import Side, sides
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, missing

_PARTS = {
    "chest": r"chest|thorax|lungs?|ribs?|lunge|rippen",
    "head": r"head|brain|skull|schädel|kopf|crani\w+|neurocranium",
    "abdomen": r"abdom\w+|liver|kidneys?|oberbauch|leber|nieren",
    "pelvis": r"pelvis|becken|hips?|hüfte",
    "neck": r"neck|thyroid|hals|schilddrüse",
    "spine": r"spine|lws|bws|hws|wirbelsäule|lumbar|cervical",
    "knee": r"knees?|knie\w*",
    "hand": r"hands?|wrists?|fingers?|handgelenk",
    "foot": r"foot|feet|ankles?|toes?|fuß|sprunggelenk",
    "shoulder": r"shoulders?|clavicle|schulter",
}
_REGIONS = {name: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE) for name, words in _PARTS.items()}
_TOGETHER = (
    frozenset(("chest", "abdomen", "pelvis")),
    frozenset(("head", "neck")),
    frozenset(("chest", "neck")),
    frozenset(("pelvis", "spine", "abdomen")),
    frozenset(("chest", "shoulder", "spine")),
    frozenset(("neck", "spine")),
)
"""Regions that one examination may show together."""
_OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def regions(words: str) -> frozenset[str]:
    """The regions that an order or a header names."""
    return frozenset(name for name, pattern in _REGIONS.items() if pattern.search(words))


def side(words: str) -> Side:
    """The one side that an order names; none for two or for a paired view."""
    named = {each for each, _ in sides(words)}
    return next(iter(named)) if len(named) == 1 and named <= set(_OTHER) else Side.UNSAID


def region_issues(case: Case) -> Iterator[Issue]:
    """Where the order names one region, and the header another that one examination does not show with it."""
    asked, shown = regions(case.order), regions(case.body_part)
    apart = asked and shown and not any(asked & group and shown & group for group in (*_TOGETHER, shown))
    if apart:
        wanted, there = ", ".join(sorted(asked)), case.body_part.lower()
        message = f"The order asks for {wanted}, the images are of {there}: check order and study."
        yield missing(case.text, Kind.ANATOMY, Severity.CRITICAL, "anatomy.order", message)


def side_issues(case: Case) -> Iterator[Issue]:
    """Where order and header name one side each, and not the same."""
    asked = side(case.order)
    if asked in _OTHER and case.laterality is _OTHER[asked]:
        message = f"The order asks for the {asked} side, the header says {case.laterality}: check order and images."
        yield missing(case.text, Kind.LATERALITY, Severity.CRITICAL, "laterality.order", message)
