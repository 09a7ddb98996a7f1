"""Sections of a report by its headers, odd, misspelt, missing and German ones included (C10).

Nothing is rewritten: each part is a span of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from service.domain.prose.span import Span
from service.domain.prose.spelling import distance


class Part(StrEnum):
    """What a line of a report is for."""

    INDICATION = "indication"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    ADDENDUM = "addendum"
    WET_READ = "wet read"
    OTHER = "other"  #: titles, names, who was told, recommendations under a header of their own


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report; `header` is empty where there is none, or where it was inferred."""

    part: Part
    header: str
    body: Span
    start: int
    """Where its header begins."""


_HEADERS: dict[Part, str] = {
    Part.INDICATION: r"mechanism(?: of injury)?|unfallmechanismus|unfallhergang|"
    r"(?:clinical |patient |brief |relevant )?(?:indications?|history|information|info|details"
    r"|data|question)"
    r"|hx|reason(?: for (?:the )?(?:exam|examination|study|request|visit))?|request|clinical|why|presentation|symptoms"
    r"|(?:klinische |rechtfertigende )?(?:fragestellung|angaben?|indikation|frage)|klinik|anamnese|vorgeschichte",
    Part.TECHNIQUE: r"(?:study |scan |imaging )?techniques?|protocol|method|how|procedure|contrast|views?"
    r"|(?:untersuchungs)?technik|methodik?|aufnahmetechnik|kontrastmittel",
    Part.COMPARISON: r"comparisons?|compared (?:to|with)|priors?(?: (?:study|studies|exams?))?"
    r"|previous(?: study| exams?)?"
    r"|vergleich(?:suntersuchung|saufnahme)?(?:en)?|voraufnahmen?|voruntersuchung(?:en)?",
    Part.FINDINGS: r"(?:relevant |imaging )?findings?(?: ?[/&] ?impressions?| and impression)?|observations?"
    r"|report|description"
    r"|what we see|befund(?:e|ung)?|lungs?(?: (?:and|&) (?:airways?|pleura))?|hearts?|pleura|airways?"
    r"|mediastinum|bones?"
    r"|lines(?: (?:and|&) tubes)?|tubes|devices|abdomen|chest|liver|kidneys|brain|herz|lungen?|knochen",
    Part.IMPRESSION: r"(?:final |overall )?impressions?|imp|conclusions?|opinion|assessment|summary"
    r"|interpretation|diagnosis"
    r"|what it means|bottom line|(?:zusammenfassende )?beurteilung|beurt\.?|zusammenfassung|fazit|bewertung|ergebnis",
    Part.ADDENDUM: r"\*+ ?addendum ?\*+|addendum(?: [^:]{1,30})?|nachtrag(?: [^:]{1,30})?|ergänzung",
    Part.WET_READ: r"wet read(?:ing)?|(?:prelim|preliminary)(?: (?:read|report))?(?: [^:]{0,3}\d\d:\d\d)?"
    r"|vorläufiger befund",
    Part.OTHER: r"final report|exam(?:ination)?|study|recommendations?|empfehlung(?:en)?|procedere|dictated(?: by)?"
    r"|signed(?: by)?|untersuchung|critical results?|communication|note|cc",
}
_BULLET = r"[\s*•\-–>]*(?:\d{1,2}[.)]\s*)?"
_HEAD = re.compile(
    rf"{_BULLET}(?:"
    + "|".join(f"(?P<{part.name}>{words})" for part, words in _HEADERS.items())
    + r")(?:\s*:(?!\d)|\s+[-–]\s|\s+colon\b|\s*$|(?<=[*])\s)",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"(?<=[.!?] )(?=(?:FINDINGS?|IMPRESSION|CONCLUSION|COMPARISON|TECHNIQUE|Findings?|Impression|Conclusion|Comparison"
    r"|Technique|Befund|Beurteilung|BEFUND|BEURTEILUNG|OPINION|Opinion)\s*:)"
)
_OPENING = re.compile(rf"{_BULLET}([^\W\d_]{{7,}})\s*:", re.IGNORECASE)
_WHOLE = {"indication": Part.INDICATION, "technique": Part.TECHNIQUE, "comparison": Part.COMPARISON,
          "findings": Part.FINDINGS, "impression": Part.IMPRESSION, "conclusion": Part.IMPRESSION,
          "beurteilung": Part.IMPRESSION, "fragestellung": Part.INDICATION}  # fmt: skip
_COMPARES = re.compile(r"\W*(?:vergleich(?:bar)? (?:mit|zu)|(?:comparison|compared) (?:to|with))\b", re.IGNORECASE)
_CONCLUDES = re.compile(
    r"\W*(?:in (?:summary|conclusion)|my impression|(?:over)?all in all|to conclude|summary|zusammenfassend|insgesamt"
    r"|in der zusammenschau|these findings (?:are|suggest)|taken together)\b",
    re.IGNORECASE,
)
_ASIDE = {Part.INDICATION, Part.TECHNIQUE, Part.COMPARISON, Part.WET_READ, Part.OTHER, Part.ADDENDUM}
_TITLE_WORDS = 9
_COMPARISON_WORDS = 12
_STATES = re.compile(
    r"\b(?:is|are|no|seen|normal|there|clear|with|small|mild|effusion|heart|kein\w*|ist|sind|unauffällig|herz)\b",
    re.IGNORECASE,
)


def sections(text: str) -> tuple[Section, ...]:
    """Every part of `text` in order, with the spans of their bodies; together they hold every word but the headers."""
    pieces = [_piece(text, start, end) for start, end in _lines(text)]
    headed = {piece.part for piece in pieces if piece.part}
    wet_alone = Part.WET_READ in headed and not headed & {Part.FINDINGS, Part.IMPRESSION}
    found: list[Section] = []
    current: Part | None = None
    for piece in pieces:
        current = piece.part or _inferred(piece, current, headed, bool(found) or len(pieces) == 1)
        part = Part.IMPRESSION if wet_alone and current is Part.WET_READ else current
        body = Span.of(text, piece.body, piece.end)
        found.append(Section(part=part, header=piece.header, body=body, start=piece.start))
        if current in _ASIDE and (body.text or not piece.part):
            current = None
    return _joined(text, found)


def part_at(found: Sequence[Section], position: int) -> Part:
    """The part that `position` stands in."""
    before = [section for section in found if section.start <= position]
    return before[-1].part if before else Part.OTHER


@dataclass(frozen=True, slots=True)
class _Piece:
    part: Part | None
    header: str
    start: int
    body: int
    end: int
    text: str


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.splitlines(keepends=True):
        cuts = [0, *(cut.start() for cut in _INLINE.finditer(line)), len(line)]
        if line.strip():
            yield from ((at + one, at + other) for one, other in pairwise(cuts))
        at += len(line)


def _piece(text: str, start: int, end: int) -> _Piece:
    line = text[start:end]
    found = _HEAD.match(line)
    if found:
        part = Part[str(found.lastgroup)]
        return _Piece(part, found[0].strip(" \t:*-–•"), start, start + found.end(), end, line)
    opening = _OPENING.match(line)
    near = opening and next((part for word, part in _WHOLE.items() if distance(opening[1].casefold(), word) <= 2), None)
    if opening and near:
        return _Piece(near, opening[1], start, start + opening.end(), end, line)
    if _COMPARES.match(line) and len(line.split()) <= _COMPARISON_WORDS:
        return _Piece(Part.COMPARISON, "", start, start, end, line)
    return _Piece(None, "", start, start, end, line)


def _inferred(piece: _Piece, current: Part | None, headed: set[Part], later: bool) -> Part:
    """The part of a line without a header."""
    if _CONCLUDES.match(piece.text) and Part.IMPRESSION not in headed:
        return Part.IMPRESSION
    if current is not None:
        return current
    if not later and len(piece.text.split()) <= _TITLE_WORDS and not _STATES.search(piece.text):
        return Part.OTHER
    return Part.FINDINGS


def _joined(text: str, found: Sequence[Section]) -> tuple[Section, ...]:
    """Lines of one part under one header as one section."""
    joined: list[Section] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and last.part is each.part and not each.header:
            body = Span.of(text, last.body.start if last.body.text else each.body.start, each.body.end)
            joined[-1] = Section(part=last.part, header=last.header, body=body, start=last.start)
        else:
            joined.append(each)
    return tuple(joined)
