"""Side: left, right or both, of what a clause names."""

from __future__ import annotations

import re
from enum import StrEnum

from service.domain.prose.span import Span


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    UNSAID = ""


_WORDS = {
    Side.BOTH: r"bilateral\w*|both|bibas\w+|biapical\w*|bihilar|beidseit\w*|beider?n?|bds\.?|bilat\.?|(?-i:bl)"
    r"|either side",
    Side.RIGHT: r"right(?:[- ]sided)?|rechts\w*|rechte[nmrs]?|(?-i:R|RUL|RML|RLL|re)\b\.?|rml|rll|rul",
    Side.LEFT: r"left(?:[- ]sided)?|links\w*|linke[nmrs]?|(?-i:L|LUL|LLL|li)\b\.?|lll|lul|lingula",
}
_ANY = re.compile(
    "|".join(rf"(?P<{side.name}>(?<!\w)(?:{words})(?!\w))" for side, words in _WORDS.items()), re.IGNORECASE
)
_OF_ELSE = re.compile(
    r"(?<!\s)\s*(?:[-/]\s*)?(?:heart|atri\w+|ventric\w+|main ?stem|main (?:stem |bronch)\w*|hemi-?diaphragm is|coronary"
    r"|vorhof|ventrikel|hauptbronchus)\b",
    re.IGNORECASE,
)
_SHIFTED = re.compile(r"(?:\bto(?:wards?)? the|\bnach|shift\w*|deviat\w+(?: to)?(?: the)?)$", re.IGNORECASE)
_BEFORE = 64
"""Characters before a side in which what is shifted towards it is looked for."""


def sides(text: str) -> list[tuple[Side, Span]]:
    """Every side that `text` names, in order, but those of heart chambers, bronchi and shifts."""
    found = []
    for each in _ANY.finditer(text):
        if not _OF_ELSE.match(text, each.end()) and not _shifted(text[max(0, each.start() - _BEFORE) : each.start()]):
            found.append((Side[str(each.lastgroup)], Span(each.start(), each.end(), each[0])))
    return found


def _shifted(before: str) -> bool:
    """Whether what stands before a side makes it a direction."""
    plain = before.rstrip()
    return plain != before and _SHIFTED.search(plain) is not None


def side_of(clause: str, start: int, end: int) -> tuple[Side, Span | None]:
    """The side that stands nearest before the word from `start` to `end`, else the first one after it."""
    named = sides(clause)
    before = [each for each in named if each[1].start < end]
    after = [each for each in named if each[1].start >= end]
    both = {side for side, _ in named}
    if {Side.LEFT, Side.RIGHT} <= both and re.search(
        r"\b(?:left and right|right and left|right, left|rechts und links)\b", clause, re.IGNORECASE
    ):
        return Side.BOTH, None
    chosen = before[-1] if before else after[0] if after else None
    return chosen or (Side.UNSAID, None)
