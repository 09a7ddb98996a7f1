"""Typo: a word that is nearly one of radiology's, a word said twice, a homophone, and spoken punctuation left over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at
from service.domain.quality.spelt import is_right, language_of, meant

_WORD = re.compile(r"(?<![\w.@])[^\W\d_]{6,24}(?![\w@])")
_TWICE = re.compile(r"\b([^\W\d_]{2,})[^\S\n]+\1\b(?![-'’])", re.IGNORECASE)
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
    r"\b(?:full stop|new line|new paragraph|neue zeile|neuer absatz)\b"
    r"|(?<=[a-z] )(?<!\ba )(?<!the )(?<!time )(?<!this )(?<!term )(?<!short )(?<!long )(?<!longer )"
    r"period(?=\s*(?:$|\n|[a-z]))(?! of)"
    r"|(?<=[a-z] )comma(?=\s*(?:$|\n|[a-z]))(?!.shaped)"
    r"|(?<=(?:ndings|ession|istory|hnique|arison|cation) )colon(?=\s*(?:$|\n|[a-z]))"
)
_MOST_STRANGE = 200
"""Different words that no list has; a look for what one was meant for takes milliseconds."""
_NAME = re.compile(r"^[A-ZÄÖÜ][^A-ZÄÖÜ]+$")
_OPENS = re.compile(r"(?:^|[.!?:;\n•*-]\s*|\d[.)]\s*)$")


def issues(case: Case) -> Iterator[Issue]:
    """All of the text is looked at, the headers included."""
    language, strange, small = language_of(case.text), set[str](), not case.text.isupper()
    times = Counter(found[0].lower() for found in _WORD.finditer(case.text))
    for found in _WORD.finditer(case.text):
        if small and found[0].isupper() and not _in_capitals(found, case.text):
            continue  # an acronym
        if not is_right(found[0].lower(), language):
            strange.add(found[0].lower())
        if len(strange) > _MOST_STRANGE:
            break  # no report in these languages
        guess = meant(found[0].lower(), language)
        if guess:
            message = f"{found[0]!r} looks like {guess.word!r}: correct it if that is meant."
            named = language == "en" and (_is_name(found, case.text) or (found[0][0].isupper() and not guess.term))
            likely = guess.likely and not named and times[found[0].lower()] == 1
            yield _typo(found, "typo.spelling", message, likely=likely)
    for found in _TWICE.finditer(case.text):
        if found[1].casefold() not in _TWICE_RIGHT:
            yield _typo(found, "typo.twice", f"{found[1]!r} stands twice: delete one.")
    for pattern, right in _SAID_FOR:
        for found in pattern.finditer(case.text):
            yield _typo(
                found,
                "typo.homophone",
                f"{found[0].strip()!r} sounds like {right!r}: correct it if that is meant.",
                grave=True,
            )
    for found in _SPOKEN.finditer(case.text):
        yield _typo(found, "typo.spoken", f"{found[0]!r} was dictated as a command: delete it.")


def _in_capitals(found: re.Match[str], text: str) -> bool:
    """Whether the words around it are in capitals, too."""
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.end() + len(found[0])]
    return sum(map(str.isupper, line)) > sum(map(str.islower, line))


def _is_name(found: re.Match[str], text: str) -> bool:
    """A capital within a sentence: "Goutallier"."""
    return bool(_NAME.match(found[0])) and not _OPENS.search(text[max(0, found.start() - 4) : found.start()])


def _typo(found: re.Match[str], rule: str, message: str, *, grave: bool = False, likely: bool = True) -> Issue:
    severity = Severity.MAJOR if grave else Severity.MINOR
    return at(Span(found.start(), found.end(), found[0]), Kind.TYPO, severity, rule, message, likely=likely)
