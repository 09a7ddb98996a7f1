"""Mention: a finding that a text names, with its place, polarity and side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain.prose.polarity import Polarity, expanded, polarity
from service.domain.prose.side import Side, side_of
from service.domain.prose.span import Span, clauses
from service.domain.prose.vocabulary import TERMS


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """One finding, named once."""

    name: str
    span: Span
    polarity: Polarity
    side: Side
    side_span: Span | None
    """Where the side is said; None where it is not, or in more than one word."""
    clause: Span
    sentence: Span

    @property
    def present(self) -> bool:
        return self.polarity is Polarity.PRESENT

    @property
    def absent(self) -> bool:
        return self.polarity is Polarity.ABSENT


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is named whether it is ill or well, and how either is said."""

    name: str
    subject: re.Pattern[str]
    ill: re.Pattern[str]
    doubt: re.Pattern[str]
    well: re.Pattern[str]


def _compiled(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})", re.IGNORECASE)


_WELL = (
    r"normal\w*|unremarkable|within (?:normal )?limits|wnl|not (?:enlarged|widened)|upper limits?|not prominent"
    r"|of normal width|ok\b"
    r"|nicht (?:vergr|verbreit)\w*|regelrecht\w*|unauffällig\w*|schlank\w*|mittelständig und schlank|small\b"
    r"|no enlarge\w*|stable and normal"
    r"|altersentsprechend\w*|in size|n\b|normotop|obere norm\w*|no widening|not wide"
)
_SUBJECTS = (
    _Subject(
        "cardiomegaly",
        _compiled(r"heart|cardiac (?:silhouette|size|contour|shadow)|cardiomediastinal (?:silhouette|contour)"
        r"|cor\b|ctr\b|cardio-?thoracic ratio|herz(?!\w*insuff)\w*"),
        _compiled(r"enlarge\w*|big\b|increased|vergrößert\w*|verbreitert\w*|large\b|globular|prominent"),
        _compiled(r"borderline|grenzwertig\w*|mildly prominent|top normal"),
        _compiled(_WELL),
    ),
    _Subject(
        "mediastinal widening",
        _compiled(r"(?:cardio)?mediastin\w+(?! shift)(?! position)(?! lymph)(?! (?:and hilar )?(?:lymph )?nodes?)"),
        _compiled(r"wid(?:e|er|ened|ening)\b|verbreitert\w*|broadened|enlarged"),
        _compiled(r"borderline|grenzwertig\w*|difficult to"),
        _compiled(_WELL),
    ),
    _Subject(
        "pleural effusion",
        _compiled(r"costophrenic (?:angles?|sulc\w+|recess\w*)|(?:rand|sinus)winkel\w*|randsinus"
        r"|sinus phrenicocostal\w*"),
        _compiled(r"(?!)"),
        _compiled(r"blunt\w*|obscured|verstrichen|stumpf|obliterat\w+|verschattet"),
        _compiled(r"sharp|clear|frei\b|spitz\w*|preserved|scharf"),
    ),
)  # fmt: skip


def mentions_of(sentence: Span) -> tuple[Mention, ...]:
    """Every finding that a sentence names, in order; a finding that one clause names twice, twice."""
    found = [each for clause in clauses(sentence) for each in _of(clause, sentence)]
    return tuple(sorted(found, key=lambda each: each.span))


def _of(clause: Span, sentence: Span) -> Iterator[Mention]:
    terms = [(name, *found.span()) for name, pattern in TERMS.items() for found in pattern.finditer(clause.text)]
    for name, start, end in terms:
        if not any(other != name and _longer(where, (start, end)) for other, *where in terms):
            yield _mention(name, clause, sentence, start, end, polarity(clause.text, start, end))
    named = {name for name, _, _ in terms}
    for subject in _SUBJECTS:
        if subject.name not in named:
            yield from _subjects(subject, clause, sentence)


def _longer(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the words of `one` hold those of `other`: "nodular opacity" is no opacity."""
    return one[0] <= other[0] and other[1] <= one[1] and one[1] - one[0] > other[1] - other[0]


def _subjects(subject: _Subject, clause: Span, sentence: Span) -> Iterator[Mention]:
    found = subject.subject.search(clause.text)
    if not found:
        return
    how = _state(subject, clause.text)
    if how is not None:
        yield _mention(subject.name, clause, sentence, found.start(), found.end(), how)


def _state(subject: _Subject, clause: str) -> Polarity | None:
    clause = expanded(clause)
    if subject.doubt.search(clause):
        return Polarity.UNCERTAIN
    if subject.well.search(clause):
        return Polarity.ABSENT
    ill = subject.ill.search(clause)
    return polarity(clause, ill.start(), ill.end()) if ill else None


def _mention(name: str, clause: Span, sentence: Span, start: int, end: int, how: Polarity) -> Mention:
    side, where = side_of(clause.text, start, end)
    placed = Span(clause.start + where.start, clause.start + where.end, where.text) if where else None
    return Mention(
        name=name,
        span=Span(clause.start + start, clause.start + end, clause.text[start:end]),
        polarity=how,
        side=side,
        side_span=placed,
        clause=clause,
        sentence=sentence,
    )
