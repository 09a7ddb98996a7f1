"""Priors: earlier studies in an archive, found and fetched within bounds of count and time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Patient
from service.ports.spool import Incoming

Left = Callable[[], float]
"""Seconds that are left; at or below zero nobody waits any more."""

Begin = Callable[[], Incoming]
"""Begins to take one object in. What is written beyond the bounds of the question raises Unavailable; whatever is not
kept is removed when the question ends."""


class PriorSource(Protocol):
    """One archive. Raises Unavailable if it is away or slow, Unreadable for an answer that makes no sense."""

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        """Studies under the patient's identifier that have one of these modalities, at most `limit` of each; whose they
        are is for the caller to judge."""
        ...

    def fetch(
        self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left, begin: Begin
    ) -> Generator[Incoming]:
        """At most `limit` objects of these modalities, each a whole Part 10 stream that `begin` began; whose they are
        is for the caller to judge, who closes this when it has seen enough. Raises, too, where one of them does not
        come."""
        ...


class Priors(Protocol):
    def source(self, node: PriorNode) -> PriorSource:
        """The plug-in for the node's URL. Raises Misconfigured for a scheme that none handles."""
        ...


class MemoryPriors:
    """A fake for unit tests: studies and their objects, or an error."""

    def __init__(self, studies: dict[PriorStudy, Sequence[bytes]] | None = None) -> None:
        self.studies = dict(studies or {})
        self.error: Exception | None = None
        self.breaks: Exception | None = None
        """Raised after the last object."""
        self.fetched: list[str] = []

    def source(self, node: PriorNode) -> PriorSource:
        return self

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        if self.error:
            raise self.error
        return tuple(self.studies)[:limit]

    def fetch(
        self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left, begin: Begin
    ) -> Generator[Incoming]:
        self.fetched.append(study.study_instance_uid)
        for part10 in self.studies[study][:limit]:
            incoming = begin()
            incoming.write(part10)
            yield incoming
        if self.breaks:
            raise self.breaks
