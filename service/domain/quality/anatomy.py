"""Sex and anatomy: an organ that this patient does not have, or that this examination does not show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.order import region_issues


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_OF_WOMEN = _words(r"uter(?:us|ine)|ovar(?:y|ies|ian)|adnex\w+|cervix uteri|endometri\w+|vagina\w*|fallopian"
    r"|ovarien?|gravid\w*|pregnan\w+"
                   r"|hysterectomy|she|her|woman|female|patientin|frau(?! (?:dr|prof|kolleg))")  # fmt: skip
_OF_MEN = _words(
    r"prostat\w+|seminal vesicles?|testic\w+|test[ei]s|scrot\w+|penis|penile|epididym\w+|samenblasen?|hoden"
    r"|he|his|male|patient(?=en\b)"
)
_OF_OTHERS = _words(
    r"mother|father|sister|brother|aunt|family|mutter|schwester|famili\w+|discussed|notified|informed|called|dr|phoned"
    r"|telefon\w+|informiert|besprochen"
)
"""Whoever is spoken of here, it may be another than the patient."""
_PERSON = re.compile(r"^(?:he|his|she|her|patientin|patient)$", re.IGNORECASE)
_REGIONS = {
    "chest": _words(r"lungs?|pulmonary|pleura\w*|mediastin\w+|hil(?:um|a|ar|i)|pneumothorax|costophrenic|carina"
    r"|bronch\w+|thorax|lobes?|heart"
                    r"|cardiac|cor|herz\w*|pneumoni\w*|pleuraerg\w+"),
    "head": _words(r"brain|cerebr\w+|cerebell\w+|intracranial|midline shift|basal ganglia|subdural|subarachnoid"
    r"|thalam\w+|hirn\w*"
                   r"|lateral ventricles?|frontal lobes?|(?:temporal|parietal|occipital) lobes?|sulci"
                   r"|skull base|mastoid\w*"),
    "abdomen": _words(r"append(?:ix|icitis)|colon|sigmoid|bladder|pancrea\w+|jejun\w+|ile(?:um|al|us)"
    r"|kidneys?|renal|ureter\w*|rectum|small bowel|gallbladder|harnblase|nieren?"),
    "hip": _words(r"femur|femoral (?:head|neck)|acetabul\w+|hip joints?|hüftgelenk\w*|iliac|ilium"),
    "limb": _words(r"knee|femoral condyle|tibia\w*|fibula\w*|patella\w*|menisci|meniscal"
    r"|(?:medial|lateral) meniscus|wrist|scaphoid|ulna\w*"
    r"|ankle|calcane\w+|metatars\w+"
                   r"|metacarp\w+|kniegelenk\w*|phalan\w+|olecranon|carpal"),
}  # fmt: skip
_SHOWN = {
    **dict.fromkeys(("CHEST", "THORAX", "LUNG"), frozenset(("chest", "abdomen"))),
    "HEAD": frozenset(("head",)), "BRAIN": frozenset(("head",)), "SKULL": frozenset(("head",)),
    "ABDOMEN": frozenset(("abdomen", "chest", "hip")), "PELVIS": frozenset(("abdomen", "limb", "hip")),
    **dict.fromkeys(("KNEE", "HAND", "FOOT", "ANKLE", "WRIST", "ELBOW", "LEG", "ARM", "HIP"), frozenset(("limb",
    "hip"))),
}  # fmt: skip
_ELSEWHERE = _words(
    r"recommend\w*|suggest\w*|consider\w*|advis\w+|correlat\w+|primary|known|history|status post|s/p|post|arrest"
    r"|failure"
    r"|due to|empfohlen|bekannt\w*|zustand nach|z\. ?n|primärtumor\w*|insuffizienz"
)
"""What is advised, known or a cause may lie outside of the images."""


def issues(case: Case) -> Iterator[Issue]:
    """Where the header says nothing of sex or body part, nothing is questioned."""
    wrong, sex = {"M": (_OF_WOMEN, "male"), "F": (_OF_MEN, "female")}.get(case.sex, (None, ""))
    for sentence in case.reading.sentences(Part.INDICATION, Part.FINDINGS, Part.IMPRESSION):
        found = wrong.search(sentence.text) if wrong and not _OF_OTHERS.search(sentence.text) else None
        if found and not (_PERSON.match(found[0]) and found[0].isupper()):
            message = f"{found[0]!r} does not go with a patient whom the header calls {sex}: check patient and text."
            yield at(_span(sentence, found), Kind.ANATOMY, Severity.CRITICAL, "anatomy.sex", message)
    yield from _not_shown(case)
    yield from region_issues(case)


def _not_shown(case: Case) -> Iterator[Issue]:
    shown = next((regions for name, regions in _SHOWN.items() if name in case.body_part.upper()), None)
    if shown is None:
        return
    for sentence in case.reading.sentences(Part.FINDINGS, Part.IMPRESSION):
        for region, words in _REGIONS.items():
            found = words.search(sentence.text) if region not in shown else None
            if (
                found
                and not _ELSEWHERE.search(sentence.text)
                and not any(_REGIONS[one].search(sentence.text) for one in shown)
            ):
                message = (
                    f"{found[0]!r} is not shown by an examination of {case.body_part.lower()}: check study and text."
                )
                yield at(_span(sentence, found), Kind.ANATOMY, Severity.CRITICAL, "anatomy.region", message)


def _span(sentence: Span, found: re.Match[str]) -> Span:
    return Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
