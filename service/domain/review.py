"""Review: what a named person said of a reading's report, for good; and the signed report that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.domain.report import Section

SIGNED_ROLE = "signed-report"
"""Role of the document of a signed report. No rule can name it: no output object is called so."""
FORM_ROLE = "signed-form:"
"""Before the name of a template: role of the document of its form in a signed report; nor can a rule name that."""


def is_signed_role(role: str) -> bool:
    """Whether an object of that role is of what a person signed."""
    return role == SIGNED_ROLE or role.startswith(FORM_ROLE)


class Verdict(StrEnum):
    SIGNED = "signed"  #: this is the report; its text is closed
    ADDED = "addendum"  #: something is added to a signed report, which stays as it is
    REJECTED = "rejected"  #: the draft is of no use; it is withdrawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Observer:
    """A named person (PS3.3 C.17.2, Verifying Observer): nothing else can sign (invariant 8)."""

    name: str
    organization: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One line of a signed report, and the findings that it rests on, by tracking id."""

    section: Section
    text: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """One person's word about the report of one reading."""

    study_instance_uid: str
    job_id: str
    """The reading: its first job."""
    number: int
    """Counts the reviews of one reading, from 1: who speaks second has seen the first."""
    verdict: Verdict
    observer: Observer
    at: datetime
    text: str
    """The whole text that was signed, the addendum, or the reason of a rejection."""
    statements: tuple[Statement, ...] = ()
    """The signed text line by line; none for another verdict."""
    forms: tuple[int, ...] = ()
    """The filled forms that are signed with it, each by the number of its revision in the edit log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A signed report with what was added to it since."""

    signature: Review
    addenda: tuple[Review, ...] = ()

    @property
    def last(self) -> Review:
        return self.addenda[-1] if self.addenda else self.signature

    @property
    def first_line(self) -> str:
        """The first visible line of the signed document."""
        return f"Report signed by {signed_by(self.signature)}."


def signed_by(review: Review) -> str:
    """Who, for whom, when: "Weiss Anna, Example Clinic, 2026-03-04 09:30 +0100"."""
    name = " ".join(review.observer.name.replace("^", " ").split())
    return f"{name}, {review.observer.organization}, {review.at:%Y-%m-%d %H:%M %z}"


def signed_report(reviews: tuple[Review, ...]) -> Signed | None:
    """The signed report of one reading; None while nobody has signed."""
    signature = next((each for each in reviews if each.verdict is Verdict.SIGNED), None)
    added = tuple(each for each in reviews if each.verdict is Verdict.ADDED)
    return Signed(signature=signature, addenda=added) if signature else None


def rejection_of(reviews: tuple[Review, ...]) -> Review | None:
    """The word that ended the draft; None if nobody rejected it."""
    return next((each for each in reviews if each.verdict is Verdict.REJECTED), None)
