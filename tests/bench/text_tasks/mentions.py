"""A small deterministic matcher: which findings a text names, whether it denies or hedges them, and on which side.

It reads clause by clause and knows neither syntax nor context; it is a yardstick of known length, not a good reader.
The cues follow NegEx (Chapman et al. 2001) in kind: words before a finding, words after it, and phrases that only look
like a denial.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.bench.text_tasks.words import FINDINGS, NORMAL

_CLAUSE = re.compile(
    r"(?<!\bv\. a)(?<!\bv)(?<!\bv\.a)\.\s+|[;\n•]|\.$"
    r"|\b(?:but|however|although|aber|jedoch|other than|except|apart from)\b"
    r"|,\s+(?=(?:there|but|a|an|new|small|tiny|trace|mild|moderate|large|persistent|unchanged|stable|neuer?|kleiner)\b)",
    re.IGNORECASE,
)
_NEVER_RULED_OUT = (
    r"\bnot (?:be )?(?:\w+ )?(?:excluded|ruled out)|cannot (?:be )?\w+(?: out)?"
    r"|nicht (?:sicher )?(?:auszuschließen|ausgeschlossen)"
)
_NO_DENIAL = re.compile(
    rf"{_NEVER_RULED_OUT}"
    r"|\b(?:no|not|without|nicht|ohne|keine)\b(?: \w+){0,2} (?:chang\w*|resol\w*|better|worse|displaced|disloz\w*"
    r"|verändert|änderung)\b|\bnot only\b",
    re.IGNORECASE,
)
"""Phrases that only look like a denial."""
_HEDGE = re.compile(
    rf"{_NEVER_RULED_OUT}"
    r"|\b(?:may|might|could|possibl[ey]|possibility|probabl[ey]|questionable|questioned|suspicious|suspected|suspect"
    r"|concern\w*|vs|versus|differential|consider\w*|verdacht|dd|fraglich\w*|möglich\w*|grenzwertig"
    r"|borderline)\b|\bv\. ?a\.|\?",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:no|not|without|neither|nor|none|free of|absence of|resolved|resolution of|kein\w*|ohne|weder|nicht"
    r"|rückbildung)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\b(?:resolved|cleared|gone|absent|excluded|removed|no longer|resorbiert|entfernt|frei\b|none"
    r"|not (?:seen|identified|present|enlarged|widened|visible)|nicht (?:mehr |vergr|verbr))",
    re.IGNORECASE,
)
_SIDES = {
    "both": r"bilateral\w*|both|bibas\w*|beidseit\w*|beider?|bds|bl\b|bilat\b",
    "right": r"right\w*|rechts?\w*|re\b|R\b|RLL|RML|RUL",
    "left": r"left\w*|links?\w*|linke\w*|li\b|L\b|LLL|LUL",
}
_SIDE = re.compile("|".join(rf"\b(?P<{side}>{words})\b" for side, words in _SIDES.items()), re.IGNORECASE)


@dataclass(frozen=True)
class Mention:
    """A finding that a text names."""

    name: str
    side: str
    """right, left, both, or empty."""
    state: str
    """present, absent or uncertain."""
    words: str = ""
    """The clause it stands in."""


def mentions(text: str, words: Mapping[str, re.Pattern[str]] = FINDINGS) -> Iterator[Mention]:
    """Yield what `text` names of `words`, clause by clause."""
    for clause in _CLAUSE.split(text):
        for name, pattern in words.items():
            for found in pattern.finditer(clause):
                yield Mention(name, _side(clause, found), _state(clause, found), clause)


def findings(text: str) -> frozenset[Mention]:
    """Return the findings that an impression names, a hedged one as present; "normal" as an abnormality denied."""
    named = {Mention(one.name, one.side, "absent" if one.state == "absent" else "present") for one in mentions(text)}
    return frozenset(named | ({Mention("abnormality", "", "absent")} if NORMAL.search(text) else set()))


def _state(clause: str, found: re.Match[str]) -> str:
    plain = _NO_DENIAL.sub(lambda cue: "~" * len(cue[0]), clause)
    if _BEFORE.search(plain, 0, found.start()) or _AFTER.search(plain, found.start()):
        return "absent"
    return "uncertain" if _HEDGE.search(clause) else "present"


def _side(clause: str, found: re.Match[str]) -> str:
    """Return the side that stands nearest to what was found; one before it goes before one after it."""
    sides = list(_SIDE.finditer(clause))
    before = [side for side in sides if side.start() < found.end()]
    nearest = before[-1] if before else sides[0] if sides else None
    return str(nearest.lastgroup) if nearest else ""
