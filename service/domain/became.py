"""Became: what each drafted sentence is in a text as it stands: its own words, or a form's that rest on the same.

A form says a finding in the house's words. What it says takes the place of the drafted sentence of that finding,
although no word of it may be left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.domain.aligned import classes
from service.domain.edit import EditClass, Provenance, Span


@dataclass(frozen=True, slots=True)
class Became:
    text: str
    said_again: bool = False
    """Whether a form says it with the AI's own answers: other words, and nobody meant anything else by them."""

    def changed(self, before: str) -> tuple[EditClass, ...]:
        """What kinds of change made it of the drafted sentence `before`; none for a sentence that stands as it was."""
        if before.strip() == self.text.strip():
            return ()
        return (EditClass.REWORD,) if self.said_again else classes(before, self.text)


def became(
    drafted: Sequence[str], spans: Iterable[Span], cited: Mapping[int, Sequence[str]], headings: Collection[str]
) -> Mapping[int, Became]:
    """By the number of a sentence of the draft, `drafted`; one that does not stand any more is not in it.

    `spans` are the text as it stands, `cited` names what each drafted sentence rests on, `headings` are the lines that
    begin a section: a form's finding takes the place of no conclusion.
    """
    own: dict[int, str] = {}
    forms: list[tuple[str, Span]] = []
    for part, span in _by_part(spans, headings):
        if span.origin is not None:
            own[span.origin] = own.get(span.origin, "") + span.text
        elif span.findings:
            forms.append((part, span))
    found = {number: Became(text) for number, text in own.items()}
    for number, part in enumerate(_parts(drafted, headings)):
        said = [span for of, span in forms if of == part and not set(span.findings).isdisjoint(cited.get(number, ()))]
        if said and number not in found:
            again = all(span.provenance is Provenance.AI for span in said)
            found[number] = Became("".join(span.text for span in said), said_again=again)
    return found


def _by_part(spans: Iterable[Span], headings: Collection[str]) -> Iterator[tuple[str, Span]]:
    part = ""
    for span in spans:
        part = span.text.strip() if span.text.strip() in headings else part
        yield part, span


def _parts(drafted: Iterable[str], headings: Collection[str]) -> Iterator[str]:
    part = ""
    for text in drafted:
        part = text.strip() if text.strip() in headings else part
        yield part
