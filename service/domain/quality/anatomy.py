"""Sex and anatomy: an organ that this patient does not have, or that this examination does not show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_OF_WOMEN = _words(r"uter(?:us|ine)|ovar(?:y|ies|ian)|adnex\w+|cervix uteri|endometri\w+|vagina\w*|fallopian"
    r"|ovarien?|gravid\w*|pregnan\w+"
                   r"|hysterectomy|she|her|woman|female|patientin|frau")  # fmt: skip
_OF_MEN = _words(
    r"prostat\w+|seminal vesicles?|testi\w+|scrot\w+|penis|penile|epididym\w+|samenblasen?|hoden"
    r"|he|his|male|patient(?=en\b)"
)
_PERSON = re.compile(r"^(?:he|his|she|her|patientin|patient)$", re.IGNORECASE)
_REGIONS = {
    "chest": _words(r"lungs?|pulmonary|pleura\w*|mediastin\w+|hil(?:um|a|ar|i)|pneumothorax|costophrenic|carina"
    r"|bronch\w+|thorax|lobes?|heart"
                    r"|cardiac|cor|herz\w*|pneumoni\w*|pleuraerg\w+"),
    "head": _words(r"brain|cerebr\w+|cerebell\w+|intracranial|midline shift|basal ganglia|subdural|subarachnoid"
    r"|thalam\w+|hirn\w*"
                   r"|lateral ventricles?|frontal lobes?|(?:temporal|parietal|occipital) lobes?|sulci"
                   r"|skull base|mastoid\w*"),
    "abdomen": _words(r"append(?:ix|icitis)|colon\w*|sigmoid|bladder|pancrea\w+|jejun\w+|ile(?:um|al|us)"
    r"|kidneys?|renal|ureter\w*|rectum"
                      r"|small bowel|gallbladder|harnblase|niere\w*"),
    "limb": _words(r"knee|femur|femoral condyle|tibia\w*|fibula\w*|patella\w*|menisc\w+|wrist|scaphoid|ulna\w*"
    r"|ankle|calcane\w+|metatars\w+"
                   r"|metacarp\w+|acetabul\w+|hip joint|kniegelenk\w*|phalan\w+|olecranon|carpal"),
}  # fmt: skip
_SHOWN = {
    "CHEST": frozenset(("chest",)), "THORAX": frozenset(("chest",)), "LUNG": frozenset(("chest",)),
    "HEAD": frozenset(("head",)), "BRAIN": frozenset(("head",)), "SKULL": frozenset(("head",)),
    "ABDOMEN": frozenset(("abdomen", "chest")), "PELVIS": frozenset(("abdomen", "limb")),
    **dict.fromkeys(("KNEE", "HAND", "FOOT", "ANKLE", "WRIST", "ELBOW", "LEG", "ARM", "HIP"), frozenset(("limb",))),
}  # fmt: skip
_UPPER_ABDOMEN_ON_CT = frozenset(("abdomen",))


def issues(case: Case) -> Iterator[Issue]:
    """Where the header says nothing of sex or body part, nothing is questioned."""
    wrong, sex = {"M": (_OF_WOMEN, "male"), "F": (_OF_MEN, "female")}.get(case.sex, (None, ""))
    for sentence in case.reading.sentences(Part.INDICATION, Part.FINDINGS, Part.IMPRESSION):
        found = wrong.search(sentence.text) if wrong else None
        if found and not (_PERSON.match(found[0]) and found[0].isupper()):
            message = f"{found[0]!r} does not go with a patient whom the header calls {sex}: check patient and text."
            yield at(_span(sentence, found), Kind.ANATOMY, Severity.CRITICAL, "anatomy.sex", message)
    yield from _not_shown(case)


def _not_shown(case: Case) -> Iterator[Issue]:
    shown = next((regions for name, regions in _SHOWN.items() if name in case.body_part.upper()), None)
    if shown is None:
        return
    allowed = shown | (_UPPER_ABDOMEN_ON_CT if case.modality in {"CT", "MR", "PT"} else frozenset())
    for sentence in case.reading.sentences(Part.FINDINGS, Part.IMPRESSION):
        for region, words in _REGIONS.items():
            found = words.search(sentence.text) if region not in allowed else None
            if found and not any(_REGIONS[one].search(sentence.text) for one in shown):
                message = (
                    f"{found[0]!r} is not shown by an examination of {case.body_part.lower()}: check study and text."
                )
                yield at(_span(sentence, found), Kind.ANATOMY, Severity.CRITICAL, "anatomy.region", message)


def _span(sentence: Span, found: re.Match[str]) -> Span:
    return Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
