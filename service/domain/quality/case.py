"""Case: what a report is held against: the images' reading by AI, the header, and whether a prior exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.domain.prose.reading import Reading, read
from service.domain.prose.sections import Part
from service.domain.prose.side import Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A finding of an AI reading, by the name that it has in `service.domain.prose`."""

    name: str
    present: bool
    side: Side = Side.UNSAID
    sizes_mm: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A text to be questioned, and everything known beside it. What is not known is empty, or None."""

    text: str
    seen: tuple[Seen, ...] = ()
    sex: str = ""
    """As in the header: M, F, O, or empty."""
    modality: str = ""
    body_part: str = ""
    """Body Part Examined, or the study's description where it names one."""
    laterality: Side = Side.UNSAID
    """Of the examination: an R hand."""
    question: str = ""
    """What the order asks, in its words."""
    order: str = ""
    """What was ordered: the requested procedure, or the study's description."""
    prior: bool | None = None
    """Whether an earlier study is known; None where nobody looked."""
    required: Sequence[Part] = (Part.FINDINGS, Part.IMPRESSION)
    """Sections that this site wants in every report that has sections at all."""
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reading", read(self.text))
