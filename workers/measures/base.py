"""What every measure offers: ALGORITHM, accepts, measure, draft. Pure: frames to numbers, numbers to words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from service.domain.report import Evidence
from service.domain.study import Instance
from service.ports.pixels import Rescaled
from workers.algorithms.base import Draft

MAX_SHOWN = 16
"""Images that a document lists for one remark."""

Numbers = Mapping[str, Any]
"""What was measured on one series, of JSON's types: kept with the step, so that a retry measures nothing again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The series that numbers are of: its images, and its place among the series that were measured."""

    images: tuple[Evidence, ...]
    number: int
    """From 1."""
    of: int

    @property
    def where(self) -> str:
        """How a sentence begins that is of one of several series."""
        return f"Series {self.number} of {self.of}: " if self.of > 1 else ""

    @property
    def ends(self) -> tuple[Evidence, ...]:
        """First, middle and last image: they stand for the series, hundreds in a document are read by nobody."""
        places = sorted({0, len(self.images) // 2, len(self.images) - 1})
        return tuple(self.images[place] for place in places)

    def showing(self, sources: Sequence[str]) -> tuple[Evidence, ...]:
        """The images with these SOP Instance UIDs, at most 16; those that stand for the series without any."""
        found = tuple(image for image in self.images if image.sop_instance_uid in sources)
        return found[:MAX_SHOWN] or self.ends


@runtime_checkable
class MeasureModule(Protocol):
    """A measure as the pipeline sees it."""

    __name__: str
    ALGORITHM: str
    """The name that a protocol's step uses."""

    def accepts(self, instance: Instance) -> str | None:
        """None if it can be measured on, else why not, in words."""
        ...

    def measure(self, frames: Iterable[Rescaled]) -> Numbers:
        """Measure one series, whose frames come one at a time. Raises Unsupported, with the reason, if it cannot be."""
        ...

    def draft(self, numbers: Numbers, series: Series, *, namespace: str) -> Draft:
        """Say what was measured, as findings with measurements and the sentences that cite them."""
        ...
