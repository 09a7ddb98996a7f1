"""What every measure offers: ALGORITHM, accepts, measure, draft. Pure: frames to numbers, numbers to words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from service.domain.report import Evidence
from service.domain.study import Instance
from service.ports.pixels import Rescaled
from workers.algorithms.base import Draft

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

    def showing(self, sources: Sequence[str]) -> tuple[Evidence, ...]:
        """The images with these SOP Instance UIDs; all without any."""
        return tuple(image for image in self.images if image.sop_instance_uid in sources) or self.images


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
