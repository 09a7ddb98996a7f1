"""A completed report held against a reading that saw the image alone.

A model that continues a person's words follows them, also against the image. So each sentence of a completion is
checked against what the same model says unprompted, and whoever reads the completion is told what that does not carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.code import ENLARGED, Code
from service.domain.comparison import compares
from service.domain.quantity import uncarried
from service.domain.report import Finding, Section
from service.domain.wording import sentences


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A report up to a cursor."""

    lines: tuple[tuple[Section, str], ...]
    """Whole lines before the one that is being written."""
    section: Section
    """Where that one stands."""
    line: str
    """What of it stands before the cursor; empty for a new one."""

    @property
    def sentence(self) -> str:
        """What of the sentence that is being written stands before the cursor; empty for a new one."""
        last = (sentences(self.line) or ("",))[-1]
        return "" if last.rstrip().endswith((".", "!", "?")) else last


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One sentence, or one item of an impression, of a completed report."""

    text: str
    prompted: bool
    """Whether a person began it, not the model."""
    concept: Code | None = None
    """None for words without a coded meaning."""
    present: bool = False
    site: Code | None = None
    laterality: Code | None = None


class Why(StrEnum):
    """Why the unprompted reading does not carry a sentence."""

    NOT_SEEN = "the image alone does not show it"
    OTHER_SIDE = "the image alone shows it on the other side"
    SEEN = "the image alone shows it"  #: and the sentence says that it is absent
    NOT_SAID = "the reading of the image says nothing of it"  #: and the sentence says that it is absent
    NOT_CHECKED = "it has no coded meaning, so it was not checked"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence that the unprompted reading does not carry."""

    told: Told
    why: Why


def doubts(told: Iterable[Told], reading: Sequence[Finding]) -> tuple[Doubt, ...]:
    """Every sentence that `reading`, the findings of the unprompted reading, does not carry, in order."""
    judged = ((each, _why(each, reading)) for each in told)
    return tuple(Doubt(each, why) for each, why in judged if why)


def unsupported(sentence: str, told: Iterable[Told], reading: Sequence[Finding]) -> tuple[str, ...]:
    """Why `reading`, the findings and measurements of the unprompted reading, does not carry a completed `sentence`,
    which states `told`: one clause for each reason; empty if it does."""
    reasons = [f"“{doubt.told.text}”: {doubt.why}" for doubt in doubts(told, reading)]
    if quantity := uncarried(sentence, [each for finding in reading for each in finding.measurements]):
        reasons.append(f"“{quantity}”: nothing that was measured carries it")
    if words := compares(sentence):
        reasons.append(f"“{words}”: it speaks of an earlier study, which the model has not seen")
    return tuple(dict.fromkeys(reasons))


def _why(told: Told, reading: Sequence[Finding]) -> Why | None:
    if told.concept is None:
        return Why.NOT_CHECKED
    seen = [finding for finding in reading if finding.present and _same_thing(told, finding)]
    if not told.present:
        if seen:
            return Why.SEEN
        return None if any(_same_thing(told, each) for each in reading) else Why.NOT_SAID
    if not seen:
        return Why.NOT_SEEN
    sides = {finding.laterality for finding in seen}
    return None if not told.laterality or sides & {told.laterality, None} else Why.OTHER_SIDE


def _same_thing(told: Told, finding: Finding) -> bool:
    """One concept; what is only "Enlarged" is another thing at another site."""
    return told.concept == finding.concept and (told.concept != ENLARGED or told.site == finding.site)
