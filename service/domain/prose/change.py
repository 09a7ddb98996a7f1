"""Change: what became of each finding since the prior report, where there is one (C13)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.mention import Mention
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading
from service.domain.prose.span import Span


class Change(StrEnum):
    NEW = "new"
    WORSE = "worse"
    IMPROVED = "improved"
    STABLE = "stable"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Compared:
    """One finding of both reports or of either."""

    name: str
    change: Change
    now: tuple[Span, ...]
    """Where the current report says so; none where it is silent."""
    before: tuple[Span, ...]


FOLDED = {"opacity": "consolidation", "pneumonia": "consolidation", "mass": "nodule", "metastasis": "nodule",
          "cavity": "nodule", "congestion": "edema"}  # fmt: skip
COMPARED = ("cardiomegaly", "mediastinal widening", "pleural effusion", "pneumothorax", "consolidation", "atelectasis",
            "edema", "nodule", "fracture")  # fmt: skip
"""What is compared; FOLDED says what counts as one of them."""

_CUES = {
    Change.NEW: r"(?:has |have |is |are )?(?:now |newly )?(?:appeared|developed|arisen)|(?<!no )new(?:ly)?\b"
    r"|neu(?:e[rsnm]?)?\b|neu aufgetreten\w*"
    r"|now (?:seen|present)|de novo|also new",
    Change.RESOLVED: r"(?<!not )(?<!not yet )(?<!incompletely )(?:completely )?resolved|(?:has "
    r"|have )(?:completely )?cleared|is gone|has gone|are gone"
    r"|no longer|not (?:seen )?any ?more|nicht mehr|vollständig(?:e)? rückbild\w*|vollständig resorbiert"
    r"|has re-?expanded",
    Change.WORSE: r"(?:has |have |is |are )?(?:in|pro)creas(?:ed|ing)|increase (?:of|in)|worse\w*|progress\w*"
    r"|larger|enlarging|(?:has|have) (?:grown|enlarged)"
    r"|more (?:extensive|pronounced|marked|confluent|dense|atelectasis|\w+ than)|extending further|bigger"
    r"|zunehm\w*|zugenommen|progredient\w*|größer\w*"
    r"|größenprogred\w*|has become (?:moderate|large)|now (?:moderate|large)|further widening|deteriorat\w*",
    Change.IMPROVED: r"decreas\w*|improv\w*|smaller|less (?:\w+)?|fewer|diminish\w*|reduc\w+|regress\w*"
    r"|regredien\w*|rückläufig\w*|abnehm\w*|abgenommen"
    r"|partial(?:ly)? (?:resol\w+|clear\w+|re-?expan\w*)|resolving|clearing|healed|healing|kleiner(?! )"
    r"|geringer als|gebessert|now (?:small|minimal|trace)"
    r"|jetzt (?:nur noch )?(?:klein|gering)\w*|konsolidiert(?= fraktur)|teilrückbild\w*|shr(?:unk|inking)",
    Change.STABLE: r"unchanged|stable|stabil\w*|no (?:\w+ )?change|not (?:\w+ )?changed|without (?:\w+ )?change"
    r"|unverändert\w*|konstant\w*|same|persist\w*|as before"
    r"|again (?:seen|noted)|similar|constant|idem|wie (?:zuvor|vorbefund|vorbeschrieben)|known|vorbekannt\w*"
    r"|bekannte[rsnm]?|chronic|remains?\b|preexisting",
}
_CUE = {change: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for change, words in _CUES.items()}
ORDER = (Change.NEW, Change.WORSE, Change.IMPROVED, Change.STABLE)
_MM = {"mm": 1.0, "cm": 10.0}
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(mm|cm)\b", re.IGNORECASE)
_DEGREES = (r"trace|minimal|tiny|minor|diskret\w*|minimal\w*", r"small|mild|slight|gering\w*|leicht\w*"
    r"|klein\w*", r"moderate|mäßig\w*|mittel\w*",
            r"large|severe|marked|massive|extensive|groß\w*|ausgeprägt\w*")  # fmt: skip


def changes(now: Reading, before: Reading) -> tuple[Compared, ...]:
    """What became of every finding that either report states. That they are of one patient is for the caller."""
    return tuple(found for name in COMPARED if (found := _compared(name, now, before)))


def _compared(name: str, now: Reading, before: Reading) -> Compared | None:
    here, there = _named(name, now), _named(name, before)
    present, former = _stated(here), _stated(there)
    if not present and not former:
        return None
    spans = (tuple(each.span for each in here), tuple(each.span for each in there))
    if not present:
        return Compared(name, Change.RESOLVED, *spans) if here or former else None
    return Compared(name, _change(present, former), *spans)


def _named(name: str, reading: Reading) -> list[Mention]:
    return [each for each in reading.told if FOLDED.get(each.name, each.name) == name]


def _stated(found: Sequence[Mention]) -> list[Mention]:
    return [each for each in found if each.polarity is Polarity.PRESENT]


def _change(present: Sequence[Mention], former: Sequence[Mention]) -> Change:
    if not former:
        return Change.NEW
    said = {cue for each in present for cue in cues(each)}
    if Change.NEW in said and len(said) == 1:
        return Change.WORSE
    for change in ORDER[1:]:
        if change in said:
            return change
    return _by_size(present, former) or Change.STABLE


def cues(mention: Mention) -> set[Change]:
    """What its clause, else its sentence, says of its change by itself."""
    near = {change for change, cue in _CUE.items() if cue.search(mention.clause.text)}
    return near or {change for change, cue in _CUE.items() if cue.search(mention.sentence.text)}


def _by_size(present: Sequence[Mention], former: Sequence[Mention]) -> Change | None:
    for measure in (_largest_mm, _degree):
        one, other = measure(present), measure(former)
        if one and other and one != other:
            return Change.WORSE if one > other else Change.IMPROVED
    return None


def _largest_mm(found: Sequence[Mention]) -> float:
    sizes = (_SIZE.findall(each.clause.text) for each in found)
    return max(
        (float(number.replace(",", ".")) * _MM[unit.lower()] for each in sizes for number, unit in each), default=0.0
    )


def _degree(found: Sequence[Mention]) -> int:
    degrees = (
        number
        for each in found
        for number, words in enumerate(_DEGREES, start=1)
        if re.search(rf"\b(?:{words})\b", each.clause.text, re.IGNORECASE)
    )
    return max(degrees, default=0)
