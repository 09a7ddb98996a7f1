"""Dismissals: which issues a radiologist has dismissed, and how many of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from service.domain.quality.dismissal import Dismissal


class Dismissals(Protocol):
    def dismiss(self, dismissal: Dismissal) -> None:
        """Keep one; the same once more changes nothing. Raises Unavailable."""
        ...

    def restore(self, dismissal: Dismissal) -> bool:
        """Keep that a dismissed issue is one after all; whose word and when, as `dismissal` says. Nothing is deleted.

        False, and nothing kept, for what is not dismissed. Raises Unavailable.
        """
        ...

    def keys(self, job_id: str) -> frozenset[str]:
        """Keys of what is dismissed of one job's report."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many are dismissed, by kind; a kind without any is not in it."""
        ...


class MemoryDismissals:
    """A fake for unit tests."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Dismissal] = {}

    def dismiss(self, dismissal: Dismissal) -> None:
        self.kept.setdefault((dismissal.job_id, dismissal.key), dismissal)

    def restore(self, dismissal: Dismissal) -> bool:
        return self.kept.pop((dismissal.job_id, dismissal.key), None) is not None

    def keys(self, job_id: str) -> frozenset[str]:
        return frozenset(key for job, key in self.kept if job == job_id)

    def counts(self) -> Mapping[str, int]:
        return Counter(each.kind.value for each in self.kept.values())
