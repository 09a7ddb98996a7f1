"""Wording: a report's text as sentences, and what each of them says of side, size, degree and absence.

Words and rules, no model; English and German, the languages of the reports here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_UNIT = r"(?:mm|cm|ml|cc|hu|he|kg|%|°|m|l|g)"
_NUMBER = re.compile(rf"(?<![\w.,])[-+]?\d+(?:[.,]\d+)?(?:\s*[x×]\s*\d+(?:[.,]\d+)?)*\s*{_UNIT}?(?!\w)", re.IGNORECASE)
_END = re.compile(r"\n+|(?<=[.!?])[^\S\n]+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:approx|resp|vs|dr|prof|fig|max|min|ca|bzw|ggf|evtl|etc|sog|inkl|vgl|z\.\s?B|d\.\s?h|e\.g|i\.e)|(?<!\w)\w)\.$",
    re.IGNORECASE,
)
_NO_DEGREE = re.compile(r"\bnormal(?:e|er|en)?\s+groß\b", re.IGNORECASE)
"""How German says that a size is normal: its "groß" is no degree."""

_LONGEST = 12
"""Characters in which an abbreviation is looked for."""


def _words(text: str) -> list[str]:
    return text.split()


_ABSENCE = frozenset(
    _words("no not without absent absence none never neither nor negative resolved clear")
    + _words("kein keine keinen keinem keiner keines nicht ohne weder fehlend fehlt unauffällig ausschluss")
)
_LEFT = _words("left left-sided leftward links linke linken linker linkes linksseitig linksseitige li lul lll lol")
_RIGHT = _words(
    "right right-sided rightward rechts rechte rechten rechter rechtes rechtsseitig rechtsseitige re rul rll rml rol"
)
_BOTH = _words("bilateral bilaterally both bds beidseits beidseitig beidseitige beide beiden bilaterale")
_SIDES = dict.fromkeys(_LEFT, "left") | dict.fromkeys(_RIGHT, "right") | dict.fromkeys(_BOTH, "both")
_DEGREES = {
    word: degree
    for degree, words in enumerate(
        (
            "trace minimal minimally tiny minute faint subtle diskret diskrete minimale minimaler winzig winzige",
            "small mild mildly slight slightly minor gering geringe geringer geringgradig leicht leichte leichter "
            "klein kleine kleiner",
            "moderate moderately medium mäßig mäßige mäßiger mäßiggradig moderater mittelgradig mittelgroß",
            "large severe severely marked markedly massive extensive gross dense pronounced considerable substantial "
            "groß große großer schwer schwere schwerer ausgeprägt ausgeprägte ausgeprägter hochgradig massiver "
            "deutlich deutliche deutlicher stark starke starker erheblich erhebliche ausgedehnt ausgedehnte",
        ),
        start=1,
    )
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a sentence says, apart from its other words."""

    absent: bool
    """Whether it denies anything."""
    sides: tuple[str, ...]
    degrees: tuple[int, ...]
    """1 trace to 4 severe, in order."""
    numbers: tuple[str, ...]
    """As they are written, without spaces, a point for a decimal comma; lengths in mm."""
    rest: tuple[str, ...]
    """Every other word, without regard to case."""


def sentences(text: str) -> tuple[str, ...]:
    """The text cut after each sentence and line, white space kept with what it follows: joined, it is `text` again."""
    found, start = [], 0
    for end in _END.finditer(text):
        if "\n" in end[0] or not _ABBREVIATION.search(text[max(start, end.start() - _LONGEST) : end.start()]):
            found.append(text[start : end.end()])
            start = end.end()
    return tuple(filter(None, (*found, text[start:])))


def said(sentence: str) -> Said:
    """What `sentence` says."""
    numbers = tuple(_quantity(each) for each in _NUMBER.findall(sentence))
    words = [word.casefold() for word in _WORD.findall(_NO_DEGREE.sub(" normal ", _NUMBER.sub(" ", sentence)))]
    known = _ABSENCE | _SIDES.keys() | _DEGREES.keys()
    return Said(
        absent=any(word in _ABSENCE for word in words),
        sides=tuple(_SIDES[word] for word in words if word in _SIDES),
        degrees=tuple(_DEGREES[word] for word in words if word in _DEGREES),
        numbers=numbers,
        rest=tuple(word for word in words if word not in known),
    )


def _quantity(text: str) -> str:
    plain = re.sub(r"\s", "", text).replace(",", ".").lower()
    if not plain.endswith("cm"):
        return plain
    return re.sub(r"\d+(?:\.\d+)?", lambda number: f"{round(float(number[0]) * 10, 3):g}", plain[:-2]) + "mm"


def likeness(one: str, other: str) -> float:
    """Share of words that two sentences have in common, 0..1 (Dice)."""
    first, second = (Counter(word.casefold() for word in _WORD.findall(text)) for text in (one, other))
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else float(one.strip() == other.strip())
