"""Destination: where results and originals go. Plug-ins are found by URL scheme in dicom_nodes.destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

from pydicom.uid import UID

from service.domain.study import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One Part 10 object to be stored; `open` gives its bytes anew each time."""

    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID
    location: str


class Answered(StrEnum):
    """What a destination said of one object."""

    STORED = "stored"
    AWAY = "away"  #: no connection, no answer, or "out of resources": try again, and nothing else before
    LATER = "later"  #: this object not now, for a reason of its own: try it again, others meanwhile
    REFUSED = "refused"  #: understood and said no


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreResult:
    """The answer for one parcel; `status` is the DIMSE or HTTP status in words, for a person."""

    answered: Answered
    status: str
    sent: bool = True
    """Whether bytes of the object may have left: False only where none did."""
    class_refused: bool = False
    """It takes no object of this SOP class, whatever is in it."""
    already_there: bool = False
    """The destination holds an object of this UID and kept its own bytes: of a result they are ours, since
    its UID follows from the content; of an original they may be others."""


class Destination(Protocol):
    """A peer that stores objects. Keeps its connection between calls until `close`."""

    def store(self, parcels: Sequence[Parcel]) -> Sequence[StoreResult]:
        """Send in order and return one result per parcel; never raises for a peer's behaviour."""
        ...

    def identity(self, study_instance_uid: UID) -> Identity | None:
        """The study's identity as the destination has it now; None if it does not know the study or
        cannot answer. Raises Unavailable if it is away."""
        ...

    def echo(self) -> str:
        """Verify the connection (C-ECHO or its like); returns what was heard in words. Raises Unavailable."""
        ...

    def close(self) -> None: ...


class Opener(Protocol):
    """Gives a destination the bytes of a location."""

    def __call__(self, location: str) -> BinaryIO: ...


class MemoryDestination:
    """A fake for unit tests: remembers what was stored, answers what it was told."""

    def __init__(self) -> None:
        self.stored: list[Parcel] = []
        self.answers: list[StoreResult] = []
        self.known: dict[str, Identity] = {}

    def store(self, parcels: Sequence[Parcel]) -> Sequence[StoreResult]:
        results = []
        for parcel in parcels:
            result = self.answers.pop(0) if self.answers else StoreResult(answered=Answered.STORED, status="0x0000")
            if result.answered is Answered.STORED:
                self.stored.append(parcel)
            results.append(result)
        return results

    def identity(self, study_instance_uid: UID) -> Identity | None:
        return self.known.get(study_instance_uid)

    def echo(self) -> str:
        return "0x0000"

    def close(self) -> None:
        pass
