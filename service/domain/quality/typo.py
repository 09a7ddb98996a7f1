"""Typo: a word that is nearly one of radiology's, a word said twice, a homophone, and spoken punctuation left over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from service.domain.prose.span import Span
from service.domain.prose.spelling import distance
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.lexicon import CHECKED, KNOWN, TERMS

_WORD = re.compile(r"(?<![\w.@/-])[^\W\d_]{6,24}(?![\w@/-])")
_TWICE = re.compile(r"\b([^\W\d_]{2,})\s+\1\b", re.IGNORECASE)
_TWICE_RIGHT = frozenset(("die", "der", "das", "had", "that", "nach"))
_HOMOPHONES = {
    r"know (?=(?:evidence|effusion|pneumo|focal|acute|fracture|consolid|definite|significant))": "no",
    r"plural (?=(?:effusion|thick|plaque|fluid|space))|(?<=bilateral )plural\b|plurals\b": "pleural",
    r"(?:a"
    r"|of) fusion\b": "effusion", r"heart sighs\b": "heart size", r"\bhart\b": "heart", r"sight (?=(?:effusion"
    r"|of the))": "site",
    r"\bperennial (?=(?:abscess|region))": "perineal", r"\bilium (?=(?:loop|wall))": "ileum", r"\bmussel": "muscle",
    r"\bpatients (?=(?:condition|history|chest)\b)": "patient's", r"\bwait (?=(?:loss|bearing))": "weight",
    r"\brite (?=(?:lung|lower|upper|middle|heart|pleural|side))": "right", r"\bvane\b": "vein", r"\bbrake\b": "break",
    r"\b(?:there|their) (?=(?:lungs|size) (?:is|are))": "their", r"\bsees (?=(?:clear))": "seems",
}  # fmt: skip
_SAID_FOR = [(re.compile(rf"(?<!\w){words}", re.IGNORECASE), meant) for words, meant in _HOMOPHONES.items()]
_SPOKEN = re.compile(
    r"\b(?:full stop|new line|new paragraph|neue zeile|neuer absatz)\b|(?<=[a-z] )(?:period"
    r"|comma|colon)(?=\s*(?:$|\n|[a-z]))"
)
_ORGAN = re.compile(
    r"(?:of the|the|ascending|descending|sigmoid|transverse) $|^ (?:wall|cancer|carcinoma|polyp"
    r"|is|and)",
    re.IGNORECASE,
)
_ENDINGS = (
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "ly",
    "al",
    "ally",
    "e",
    "en",
    "er",
    "em",
    "n",
    "r",
    "ic",
    "ity",
    "or",
    "y",
    "ies",
)


def issues(case: Case) -> Iterator[Issue]:
    """All of the text is looked at, the headers included."""
    for found in _WORD.finditer(case.text):
        meant = nearest(found[0].casefold())
        if meant:
            yield _typo(found, "typo.spelling", f"{found[0]!r} looks like {meant!r}: correct it if that is meant.")
    for found in _TWICE.finditer(case.text):
        if found[1].casefold() not in _TWICE_RIGHT:
            yield _typo(found, "typo.twice", f"{found[1]!r} stands twice: delete one.")
    for pattern, meant in _SAID_FOR:
        for found in pattern.finditer(case.text):
            yield _typo(
                found,
                "typo.homophone",
                f"{found[0].strip()!r} sounds like {meant!r}: correct it if that is meant.",
                grave=True,
            )
    for found in _SPOKEN.finditer(case.text):
        if not (found[0] == "colon" and _ORGAN.search(case.text[max(0, found.start() - 12) : found.start()])):
            yield _typo(found, "typo.spoken", f"{found[0]!r} was dictated as a command: delete it.")


@lru_cache(maxsize=20_000)
def nearest(word: str) -> str:
    """The word that `word` is one slip away from; empty where it is right, inflected, or nothing known."""
    if word in KNOWN or any(word.endswith(end) and word[: -len(end)] in KNOWN for end in _ENDINGS):
        return ""
    if any(word + end in KNOWN for end in _ENDINGS) or word[:-1] + "y" in KNOWN:
        return ""
    near = (each for each in CHECKED if abs(len(each) - len(word)) <= 1 and _slip(word, each))
    return min(near, default="")


def _slip(word: str, known: str) -> bool:
    """One slip apart, and not in the last letter alone, where languages inflect."""
    same = next((at for at, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    if same >= min(len(word), len(known)) - 1 and len(word) >= len(known):
        return False
    return distance(word, known) == 1 and (known in TERMS or not _replaced(word, known))


def _replaced(word: str, known: str) -> bool:
    """Whether one letter stands for another: so do many right words of everyday language."""
    return len(word) == len(known) and sorted(word) != sorted(known)


def _typo(found: re.Match[str], rule: str, message: str, *, grave: bool = False) -> Issue:
    severity = Severity.MAJOR if grave else Severity.MINOR
    return at(Span(found.start(), found.end(), found[0]), Kind.TYPO, severity, rule, message)
