"""Returning: structured reports that came in, kept until they are compared with ours. Raises Unavailable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.domain.returned import Arrived, Returned


class Returning(Protocol):
    def arrived(self, *, limit: int) -> Sequence[Arrived]:
        """Documents that nobody has compared yet, oldest first."""
        ...

    def settle(self, returned: Returned, *, now: datetime) -> bool:
        """Keep what became of one, with an event where it has words. False if it was settled before."""
        ...

    def returned(self, study_instance_uid: str) -> Sequence[Returned]:
        """Those of the study that have words, oldest first."""
        ...


@dataclass
class MemoryReturning:
    """A fake for unit tests."""

    waiting: list[Arrived] = field(default_factory=list)
    kept: list[Returned] = field(default_factory=list)

    def arrived(self, *, limit: int) -> Sequence[Arrived]:
        return self.waiting[:limit]

    def settle(self, returned: Returned, *, now: datetime) -> bool:
        if returned.arrived not in self.waiting:
            return False
        self.waiting.remove(returned.arrived)
        self.kept.append(returned)
        return True

    def returned(self, study_instance_uid: str) -> Sequence[Returned]:
        return [one for one in self.kept if one.words and one.arrived.study_instance_uid == study_instance_uid]
