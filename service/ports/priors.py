"""Priors: earlier studies in an archive, found and fetched within bounds of count and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Patient

Left = Callable[[], float]
"""Seconds that are left; at or below zero nobody waits any more."""


class PriorSource(Protocol):
    """One archive. Raises Unavailable if it is away or slow, Unreadable for an answer that makes no sense."""

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        """Studies under the patient's identifier that have one of these modalities, at most `limit` of each; whose they
        are is for the caller to judge."""
        ...

    def fetch(self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left) -> Iterator[bytes]:
        """At most `limit` objects of these modalities, each as Part 10 bytes."""
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
        self.fetched: list[str] = []

    def source(self, node: PriorNode) -> PriorSource:
        return self

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        if self.error:
            raise self.error
        return tuple(self.studies)[:limit]

    def fetch(self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left) -> Iterator[bytes]:
        self.fetched.append(study.study_instance_uid)
        yield from self.studies[study][:limit]
