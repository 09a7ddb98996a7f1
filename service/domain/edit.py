"""Edit: what a person changed in a drafted text, sentence by sentence, so that it can be counted and replayed.

`aligned` finds the edits between two texts.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from service.domain.submitted import Submitted
from service.domain.wording import sentences


class EditClass(StrEnum):
    INSERT = "insert"
    DELETE = "delete"
    NEGATION = "negation"  #: present became absent, or the other way round
    LATERALITY = "laterality"
    MEASUREMENT = "measurement"
    SEVERITY = "severity"
    REWORD = "reword"  #: other words; what else it means is not told
    OUTLINE = "outline"  #: other pixels of a segment, or a box elsewhere
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"  #: looked at, and neither accepted nor rejected


BESIDE = frozenset((EditClass.OUTLINE, EditClass.ACCEPTED, EditClass.REJECTED, EditClass.INCONCLUSIVE))
"""What is done to findings and never to a sentence."""


class Provenance(StrEnum):
    """Who wrote a sentence."""

    AI = "AI"
    EDITED = "edited"  #: drafted, then changed by a person
    HUMAN = "human"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One sentence removed, added or changed. `at` counts sentences of the text before, from 0; what is added
    stands before that one."""

    at: int
    before: str
    """Empty for what was added."""
    after: str
    """Empty for what was removed."""
    classes: tuple[EditClass, ...]
    wrote: Provenance = Provenance.HUMAN
    """Of what was added: who says it, where a form does; else a person does."""
    findings: tuple[str, ...] = ()
    """Of what a form added: the findings whose answers it says, by tracking id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """Words that a model offered at a cursor, and how many of them a person took."""

    section: str
    start: int
    """Characters before the cursor in the text as it stood on the page."""
    text: str
    taken: int
    """Characters of `text` that were taken, from its beginning; 0 for none."""
    unsupported: tuple[str, ...]
    """Why the unprompted reading did not carry it, as the person was told; empty if it did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One person's work on one text, saved at once; or an answer to one suggestion, a first impression, or what came
    back beside the text, which change no text by themselves."""

    study_instance_uid: str
    job_id: str
    model: str
    """The models that drafted the text, with versions and digests."""
    adapter: str
    """Adapter of the model; empty for none."""
    reviewer: str
    at: datetime
    seconds: float
    """How long the text was open before it was saved."""
    before_sha256: str
    after_sha256: str
    edits: tuple[Edit, ...]
    accepted: int = 0
    """Sentences of the AI that were accepted as they were, by a key or with a form."""
    suggestion: Suggestion | None = None
    """What was answered, if the row is that; `model` is then who offered it."""
    impression: str | None = None
    """What the reviewer saw before the draft was shown, if the row is that; empty for nothing to note."""
    beside: tuple[Edit, ...] = ()
    """What a workstation changed beside the text, if the row is that: codes, boxes, pixels, or a verdict."""
    form: Submitted | None = None
    """The filled form whose sentences these edits put into the text, if that is what was saved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A drafted text and everything that people made of it, oldest first."""

    draft: str
    revisions: tuple[Revision, ...] = ()

    @property
    def text(self) -> str:
        """As it stands now. Raises ValueError where the revisions are not those of this draft."""
        text = self.draft
        for revision in self.revisions:
            text = replayed(text, revision.edits)
        return text

    @property
    def saves(self) -> tuple[Revision, ...]:
        """The revisions that a person saved."""
        return tuple(
            each for each in self.revisions if each.suggestion is None and each.impression is None and not each.beside
        )

    @property
    def spans(self) -> tuple[Span, ...]:
        """As it stands now, and who wrote each sentence."""
        return provenance(self.draft, (revision.edits for revision in self.revisions))


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One sentence of a text as it is now."""

    text: str
    provenance: Provenance
    origin: int | None = None
    """Number of the drafted sentence that it was, from 0; None for one that was added."""
    findings: tuple[str, ...] = ()
    """What it rests on, by tracking id, where a form added it."""


def text_digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def replayed(before: str, changes: Iterable[Edit]) -> str:
    """Raises ValueError where an edit is not one of this text."""
    return "".join(text for text, _, _ in _walked(sentences(before), changes))


def marked(changes: Iterable[Edit], wrote: Mapping[int, tuple[Provenance, tuple[str, ...]]]) -> tuple[Edit, ...]:
    """`changes`, with who says each sentence that they add and what it rests on, by its number in the text after."""
    found: list[Edit] = []
    shift = 0
    for change in changes:
        number = change.at + shift
        shift += bool(change.after) - bool(change.before)
        who, findings = wrote.get(number, (Provenance.HUMAN, ())) if not change.before else (Provenance.HUMAN, ())
        found.append(replace(change, wrote=who, findings=findings))
    return tuple(found)


def provenance(draft: str, revisions: Iterable[Sequence[Edit]]) -> tuple[Span, ...]:
    """The sentences that stand after every revision, in order, and who wrote each. Raises ValueError as `replayed`."""
    spans = [Span(text=text, provenance=Provenance.AI, origin=n) for n, text in enumerate(sentences(draft))]
    for changes in revisions:
        walked = list(_walked([span.text for span in spans], changes))
        spans = list(_cut([_after(spans, at, text, change) for text, at, change in walked if text]))
    return tuple(spans)


def _after(spans: Sequence[Span], at: int | None, text: str, change: Edit | None) -> Span:
    if at is None:
        assert change is not None, "what stood nowhere was added"
        return Span(text=text, provenance=change.wrote, findings=change.findings)
    former = spans[at]
    changed = former.text != text and former.provenance is Provenance.AI
    return replace(former, text=text, provenance=Provenance.EDITED if changed else former.provenance)


def _cut(spans: Sequence[Span]) -> Iterator[Span]:
    """The spans again as the sentences of their text, cut where `sentences` cuts it."""
    pieces = sentences("".join(span.text for span in spans))
    ends = list(accumulate(len(span.text) for span in spans))
    start = 0
    for piece in pieces:
        owner = bisect_right(ends, start)
        yield replace(spans[owner], text=piece)
        start += len(piece)


def _walked(old: Sequence[str], changes: Iterable[Edit]) -> Iterator[tuple[str, int | None, Edit | None]]:
    """Each sentence afterwards, with the number of the one before that it was, None for one that was added, and the
    edit that made it."""
    at = 0
    for change in changes:
        if not at <= change.at <= len(old):
            raise ValueError("an edit stands outside of the text that it belongs to")
        yield from ((old[number], number, None) for number in range(at, change.at))
        at = change.at
        if not change.before:
            yield change.after, None, change
        elif at < len(old) and old[at] == change.before:
            yield change.after, at, change
            at += 1
        else:
            raise ValueError("an edit changes a sentence that does not stand in its text")
    yield from ((old[number], number, None) for number in range(at, len(old)))
