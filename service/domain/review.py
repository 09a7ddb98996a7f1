"""Review, Verdict, Amendment: what a radiologist says of a report (the words; their use comes with the page)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True, slots=True)
class Observer:
    """A named person (PS3.3 C.18.6, Verifying Observer): nothing else can sign (invariant 8)."""

    name: str
    organization: str
    account: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """One sentence before and after, by whom and when."""

    before: str
    after: str
    observer: Observer
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """A person's answer to one job's report."""

    job_id: str
    verdict: Verdict
    observer: Observer
    at: datetime
    amendments: tuple[Amendment, ...] = ()
