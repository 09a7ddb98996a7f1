"""Submitted: a filled form as a person put it into a report, and the sentences that it said there."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.filled import Filled
from service.domain.phrase import Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """What is kept of it with the reading, for good."""

    filled: Filled
    """Under the template as it was then: its file may change before the report is signed."""
    told: tuple[Told, ...]
    """As it was said then: phrases may change, too."""
    touched: frozenset[str] = frozenset()
    """Fields that a person touched, whatever stands in them."""

    @property
    def name(self) -> str:
        """Of its template."""
        return self.filled.template.name

    @property
    def title(self) -> str:
        return self.filled.template.title
