"""Counts: what people made of each model's drafts, added up as it happens; no patient data, no words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from service.domain.tally import Count, Numbers


class Counts(Protocol):
    """Each number is changed in the transaction of what it counts. Raises Unavailable."""

    def counts(self) -> Sequence[Count]:
        """All numbers, by model."""
        ...

    def placed(self, job_id: str, numbers: Numbers) -> Sequence[Count]:
        """Numbers of one reading, each under the prompt that its model was asked with."""
        ...

    def other(self) -> Sequence[Count]:
        """What follows from jobs, answers to suggestions and dismissals, counted anew; reads all of them."""
        ...

    def replace(self, counts: Sequence[Count]) -> None:
        """Keep these numbers in place of all that are kept."""
        ...


@dataclass
class MemoryCounts:
    """A fake for unit tests."""

    kept: list[Count] = field(default_factory=list)

    def counts(self) -> Sequence[Count]:
        return self.kept

    def placed(self, job_id: str, numbers: Numbers) -> Sequence[Count]:
        return [Count(model=model, what=what, number=number) for (model, what), number in numbers.items()]

    def other(self) -> Sequence[Count]:
        return ()

    def replace(self, counts: Sequence[Count]) -> None:
        self.kept = list(counts)
