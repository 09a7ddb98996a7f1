"""Reply: what a report says to a question, with the clauses that say it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.span import Span


class Verdict(StrEnum):
    """What a reply comes to, where it is no size, side or change."""

    YES = "yes"
    NO = "no"
    POSSIBLE = "possible"
    STATED = "stated"  #: the cited words are the answer
    NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer. Nothing but NOT_STATED comes without `spans`."""

    about: str
    """The finding or device that it is about; empty for none in particular."""
    answer: str
    """A verdict, a side, a size in the report's words, or a change."""
    spans: tuple[Span, ...] = ()
    also: tuple[Span, ...] = ()
    """What the report says otherwise elsewhere."""
    note: str = ""
    """What whoever reads the answer must know of it."""

    def __post_init__(self) -> None:
        if (self.answer == Verdict.NOT_STATED) == bool(self.spans):
            raise ValueError("an answer cites, and what is not stated cites nothing")


def unstated(about: str = "", note: str = "") -> Reply:
    return Reply(about=about, answer=Verdict.NOT_STATED, note=note)
