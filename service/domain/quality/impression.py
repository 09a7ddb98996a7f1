"""Impression against findings: it denies what they state, states what they deny or do not know, or calls ill normal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.mention import Mention
from service.domain.prose.scope import denies_all
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
_KNOWN = re.compile(
    r"\b(?:known|history|post|status|s/p|treated|previous\w*|prior|old|chronic|resolved|again|underlying|follow-?up"
    r"|bekannt\w*|zustand nach|z\. ?n\.?|vorbekannt\w*|recommend\w*|suggest\w*|consider\w*|until proven|empfohlen"
    r"|verlauf\w*)\b",
    re.IGNORECASE,
)
"""What is known or looked for need not stand in the findings."""
_OTHER_FLUID = re.compile(r"\b(?:free fluid|\w*gelenk\w*|joints?|knees?|bursa\w*|opacified|opacifies)\b", re.IGNORECASE)
"""Words of an effusion that is none of the pleura."""
_INFERRED = re.compile(
    r"\b(?:impl(?:y|ies|ied|ying)|indicat\w+|consistent|compatible|in keeping|likely"
    r"|presum\w+|represent\w*|sugg\w+|typical"
    r"|sign of|due to|secondary|caus\w+|because|passend|vereinbar|hinweis\w*"
    r"|spricht|sprechen|wohl|ehesten|typisch\w*|bei)\b",
    re.IGNORECASE,
)
"""Beside one of these words a finding is concluded from another."""
_OBSERVED = frozenset(
    ("pneumothorax", "pleural effusion", "fracture", "pneumoperitoneum", "pericardial effusion", "hydronephrosis",
     "cardiomegaly", "nodule", "subcutaneous emphysema", "pneumomediastinum", "midline shift")
)  # fmt: skip
"""Findings that are seen; the others may be concluded from what is seen, whose words nobody can list."""
_EVIDENCE = {
    "pneumothorax": r"pleura\w* line|\w*lucen\w+|deep sulcus|lung (?:\w+ ){0,2}collaps\w+|collapsed (?:\w+ )?lung"
    r"|pleura visceralis|air[- ]fluid",
    "pleural effusion": r"(?:pleural|free|layering|loculated) (?:fluid|collection)|fluid (?:in|at|within|along)"
    r"|blunt\w*"
    r"|meniscus[- ](?:sign|like)|opacif\w+|verschatt\w+|pleuraflüssigkeit|white-?out|gelenk\w*|joint|knee|bursa",
    "fracture": r"broken|break|cortical|deform\w+|wedg\w+|(?:loss of|reduced) height|height loss|step-?off|lucent line"
    r"|avuls\w+|sinter\w+|\w*bruch|gebrochen|fissur(?:en)?\b",
    "pneumoperitoneum": r"air|gas|luft",
    "pericardial effusion": r"pericard\w+|perikard\w+|fluid",
    "hydronephrosis": r"dilat\w+|pelvicalic\w+|calyc\w+|hydro\w+|erweiter\w+|aufstau|stau\b|ectasi\w+",
    "cardiomegaly": r"heart|cardiac|ctr|cardio\w+|herz\w*|cor\b",
    "nodule": r"lesion\w*|densit\w+|opacit\w+|mass\w*|herd\w*|läsion\w*|granul\w+|coin|focus|foci|shadow\w*|lobe"
    r"|knot\w*",
    "subcutaneous emphysema": r"emphysem\w*|air|gas|luft",
    "pneumomediastinum": r"air|gas|luft|pneumo\w+",
    "midline shift": r"shift\w*|midline|mittellinie\w*|displac\w+|verlager\w+",
}
_SHOWN = {name: re.compile(rf"\b(?:{words})", re.IGNORECASE) for name, words in _EVIDENCE.items()}
"""Other words of the findings that an observation may rest on."""
_GRAVE = frozenset(("pneumothorax", "fracture", "mass", "pulmonary embolism", "pneumonia", "consolidation"))
_MATTERS = frozenset(LABEL_OF) | PAIRED


def issues(case: Case) -> Iterator[Issue]:
    """Nothing where the report has only one of the two sections."""
    reading = case.reading
    if not (reading.has(Part.FINDINGS) and reading.has(Part.IMPRESSION)):
        return
    findings, impression = reading.of(Part.FINDINGS), reading.of(Part.IMPRESSION)
    text = " ".join(sentence.text for sentence in reading.sentences(Part.FINDINGS))
    for each in impression:
        yield from _judged(each, findings, impression, text)
    for sentence in reading.sentences(Part.IMPRESSION):
        found = _NORMAL.search(sentence.text)
        grave = [each for each in findings if each.present and each.name in LABEL_OF and not _told(each, impression)]
        if found and grave and not _ACUTE.search(sentence.text):
            message = f"The impression calls the examination normal; the findings state {grave[0].name}: correct one."
            yield at(sentence, Kind.IMPRESSION, Severity.CRITICAL, "impression.normal", message)


def _judged(mention: Mention, findings: Sequence[Mention], impression: Sequence[Mention], text: str) -> Iterator[Issue]:
    same = [each for each in findings if each.name == mention.name]
    if mention.absent:
        stated = [each for each in same if each.present and _same_side(each, mention)]
        if stated and len(stated) == len(same):
            message = f"The impression denies {mention.name}, the findings state it: correct one of them."
            likely = denies_all(mention, impression, stated[0].clause.text)
            yield at(mention.span, Kind.IMPRESSION, _gravity(mention), "impression.denied", message, likely=likely)
    elif mention.present and same and all(each.absent for each in same) and not _kin(mention, findings):
        message = f"The impression states {mention.name}, the findings deny it: correct one of them."
        likely = any(denies_all(each, findings, mention.clause.text) for each in same) and not _KNOWN.search(
            mention.clause.text
        )
        yield at(mention.span, Kind.IMPRESSION, _gravity(mention), "impression.stated", message, likely=likely)
    elif mention.present and mention.name in _MATTERS and not same and not _kin(mention, findings):
        message = (
            f"The impression states {mention.name}, which the findings do not describe: describe it, or leave it out."
        )
        likely = _must_be_described(mention, text)
        yield at(mention.span, Kind.IMPRESSION, Severity.MAJOR, "impression.added", message, likely=likely)


def _must_be_described(mention: Mention, text: str) -> bool:
    """Whether it is an observation, and no word of the findings (`text`) can stand for it."""
    if mention.span.text.casefold().startswith("pleura"):
        text = _OTHER_FLUID.sub("", text)
    seen = mention.name in _OBSERVED and not _SHOWN[mention.name].search(text)
    return seen and not (_KNOWN.search(mention.clause.text) or _INFERRED.search(mention.clause.text))


def _kin(mention: Mention, findings: Sequence[Mention]) -> bool:
    """Whether the findings state something that it concludes from."""
    return any(akin(each.name, mention.name) and not each.absent and each.name != mention.name for each in findings)


def _told(mention: Mention, impression: Sequence[Mention]) -> bool:
    return any(akin(each.name, mention.name) and not each.absent for each in impression)


def _same_side(one: Mention, other: Mention) -> bool:
    return not other.side or one.side == other.side


def _gravity(mention: Mention) -> Severity:
    return Severity.CRITICAL if mention.name in _GRAVE else Severity.MAJOR
