"""Reading: a report's text, read once: its sections, and what each of them names of this examination."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.prose.conclusion import concluded
from service.domain.prose.mention import Mention, mentions_of
from service.domain.prose.polarity import Polarity
from service.domain.prose.sections import Part, Section, part_at, sections
from service.domain.prose.span import Span, sentence_spans

_TELLS = frozenset((Part.FINDINGS, Part.IMPRESSION, Part.ADDENDUM, Part.WET_READ))
_CORRECTED = re.compile(r"\b(?:CORRECTION|corrected|Korrektur|korrigiert)\b")
_OTHER_TIME = re.compile(
    r"\b(?:(?:on|of|in) the (?:earlier|prior|previous|baseline|preliminary)(?: \w+)? (?:film|study|read|exam\w*|report)"
    r"|zuvor|vormals|wide on the)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with what was read in it."""

    text: str
    sections: tuple[Section, ...]
    mentions: tuple[Mention, ...]
    """Of findings, wherever they stand, the question asked included."""

    def has(self, part: Part) -> bool:
        """Whether a section of that part says anything."""
        return any(section.part is part and section.body.text for section in self.sections)

    def part(self, position: int) -> Part:
        return part_at(self.sections, position)

    def of(self, *parts: Part) -> tuple[Mention, ...]:
        """What stands in these parts."""
        return tuple(each for each in self.mentions if self.part(each.span.start) in parts)

    def sentences(self, *parts: Part) -> tuple[Span, ...]:
        """The sentences of these parts, headers apart."""
        return tuple(
            each for section in self.sections if section.part in parts for each in sentence_spans(section.body)
        )

    @property
    def told(self) -> tuple[Mention, ...]:
        """What is said of this examination: not the question, the technique, or what an earlier one showed."""
        return tuple(each for each in self.of(*_TELLS) if not _OTHER_TIME.search(each.clause.text))


def read(text: str) -> Reading:
    """Read `text`. Any text is read; one that is no report names nothing."""
    parts = sections(text)
    found = [each for part in parts for sentence in sentence_spans(part.body) for each in mentions_of(sentence)]
    return Reading(text=text, sections=concluded(text, parts, found), mentions=_after_corrections(text, found))


def _after_corrections(text: str, found: Sequence[Mention]) -> tuple[Mention, ...]:
    """Without what a correction that follows takes back: a finding that is named again after the word."""
    place = _CORRECTED.search(text)
    if place is None:
        return tuple(found)
    later = {each.name for each in found if each.span.start > place.start()}
    return tuple(each for each in found if each.span.start > place.start() or each.name not in later)


def doubtful(mention: Mention) -> Mention:
    """The same, as uncertain."""
    return replace(mention, polarity=Polarity.UNCERTAIN)
