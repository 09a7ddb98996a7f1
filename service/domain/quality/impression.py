"""Impression against findings: it denies what they state, states what they deny or do not know, or calls ill normal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.mention import Mention
from service.domain.prose.sections import Part
from service.domain.prose.vocabulary import LABEL_OF, PAIRED, akin
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_NORMAL = re.compile(
    r"\b(?:normal|unremarkable|negative) (?:chest|study|exam\w*|radiograph|ct|x-ray|head|scan)\b"
    r"|\bno abnormalit(?:y|ies)\b"
    r"|\bno (?:radiographic |ct )?(?:evidence of )?(?:any )?abnormal\w+|\bunauffälliger (?:thorax"
    r"|herz-lungen)\w*|\bkein pathologischer befund",
    re.IGNORECASE,
)
_ACUTE = re.compile(r"\b(?:acute|akut\w*|otherwise|sonst|interval|new|post)\b", re.IGNORECASE)
_PARTIAL = re.compile(
    r"\b(?:new|acute|other|further|definite|large|tension|more|residual|recurrent|complication|neue[rsn]?"
    r"|weitere[rsn]?)\b",
    re.IGNORECASE,
)
_GRAVE = frozenset(("pneumothorax", "fracture", "mass", "pulmonary embolism", "pneumonia", "consolidation"))
_MATTERS = frozenset(LABEL_OF) | PAIRED


def issues(case: Case) -> Iterator[Issue]:
    """Nothing where the report has only one of the two sections."""
    reading = case.reading
    if not (reading.has(Part.FINDINGS) and reading.has(Part.IMPRESSION)):
        return
    findings, impression = reading.of(Part.FINDINGS), reading.of(Part.IMPRESSION)
    for each in impression:
        yield from _judged(each, findings)
    for sentence in reading.sentences(Part.IMPRESSION):
        found = _NORMAL.search(sentence.text)
        grave = [each for each in findings if each.present and each.name in LABEL_OF and not _told(each, impression)]
        if found and grave and not _ACUTE.search(sentence.text):
            message = f"The impression calls the examination normal; the findings state {grave[0].name}: correct one."
            yield at(sentence, Kind.IMPRESSION, Severity.CRITICAL, "impression.normal", message)


def _judged(mention: Mention, findings: Sequence[Mention]) -> Iterator[Issue]:
    same = [each for each in findings if each.name == mention.name]
    if mention.absent:
        stated = [each for each in same if each.present and _same_side(each, mention)]
        if stated and len(stated) == len(same) and not _PARTIAL.search(mention.clause.text):
            message = f"The impression denies {mention.name}, the findings state it: correct one of them."
            yield at(mention.span, Kind.IMPRESSION, _gravity(mention), "impression.denied", message)
    elif mention.present and same and all(each.absent for each in same) and not _kin(mention, findings):
        message = f"The impression states {mention.name}, the findings deny it: correct one of them."
        yield at(mention.span, Kind.IMPRESSION, _gravity(mention), "impression.stated", message)
    elif mention.present and mention.name in _MATTERS and not same and not _kin(mention, findings):
        message = (
            f"The impression states {mention.name}, which the findings do not describe: describe it, or leave it out."
        )
        yield at(mention.span, Kind.IMPRESSION, Severity.MAJOR, "impression.added", message)


def _kin(mention: Mention, findings: Sequence[Mention]) -> bool:
    """Whether the findings state something that it concludes from."""
    return any(akin(each.name, mention.name) and not each.absent and each.name != mention.name for each in findings)


def _told(mention: Mention, impression: Sequence[Mention]) -> bool:
    return any(akin(each.name, mention.name) and not each.absent for each in impression)


def _same_side(one: Mention, other: Mention) -> bool:
    return not other.side or one.side == other.side


def _gravity(mention: Mention) -> Severity:
    return Severity.CRITICAL if mention.name in _GRAVE else Severity.MAJOR
