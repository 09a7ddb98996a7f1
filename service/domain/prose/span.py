"""Span: a place in a text, in characters, the end excluded; sentences and clauses as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.domain.wording import sentences


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`text` is what stands from `start` to `end`."""

    start: int
    end: int
    text: str

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Span:
        """Without white space at its ends."""
        inner = text[start:end]
        start += len(inner) - len(inner.lstrip())
        return cls(start, max(start, start + len(inner.strip())), inner.strip())

    def holds(self, position: int) -> bool:
        return self.start <= position < self.end


_BREAK = re.compile(
    r"[;•]|\bbut\b|\bhowever\b|\balthough\b|\bexcept\b|\bother than\b|\bapart from\b|\baber\b|\bjedoch\b|\baußer\b"
    r"|, (?=(?:and |und )?(?:there|an?|the|no|not|without|with|new|old|tiny|small|trace|mild|moderate|large"
    r"|severe|minimal"
    r"|stable|unchanged|persistent|heart|lungs?|keine?|ohne|mit|die|der|das|neuer?|neue|kleiner?|geringer?|großer?|sowie"
    r"|unverändert\w*"
    r"|left|right|bilateral|probably|possibly|perhaps|questionable)\b)"
    r"|(?<=\w) and (?=(?:there|no|the|an?|heart|without)\b)|(?<=\w) und (?=(?:keine?|ohne|der|die|das|eine?)\b)"
    r"|(?<=[^\s\d])\.(?=\s)",
    re.IGNORECASE,
)


def sentence_spans(part: Span) -> Iterator[Span]:
    """The sentences of a part of a text that say something, in order; places are those of the whole text."""
    at = 0
    for sentence in sentences(part.text):
        inner = Span.of(part.text, at, at + len(sentence))
        at += len(sentence)
        if inner.text:
            yield Span(part.start + inner.start, part.start + inner.end, inner.text)


def clauses(sentence: Span) -> Iterator[Span]:
    """A sentence cut where another statement begins: at "but", at "; ", at ", no"."""
    start = 0
    for found in _BREAK.finditer(sentence.text):
        yield _clause(sentence, start, found.start())
        start = found.start() if found[0][-1].isalpha() or found[0] == " and " else found.end()
    yield _clause(sentence, start, len(sentence.text))


def _clause(sentence: Span, start: int, end: int) -> Span:
    inner = Span.of(sentence.text, start, end)
    return Span(sentence.start + inner.start, sentence.start + inner.end, inner.text)
