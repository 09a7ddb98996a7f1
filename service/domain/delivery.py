"""Delivery: one object or original owed to one destination; its states and its back-off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydicom.uid import UID

from service.domain.job import IllegalTransition


class DeliveryState(StrEnum):
    PENDING = "PENDING"  #: due now or at `next_due`
    SENDING = "SENDING"  #: leased to one process
    SENT = "SENT"  #: the destination answered Success
    COMMITTED = "COMMITTED"  #: storage commitment or read-back confirmed it
    HELD = "HELD"  #: the identity differs at the destination, or an operator holds it
    REFUSED = "REFUSED"  #: the destination said no for good; a person looks
    EXPIRED = "EXPIRED"  #: past its deadline, or out of attempts
    STANDBY = "STANDBY"  #: sent only where the destination refuses the class of a better one
    SUPERSEDED = "SUPERSEDED"  #: a newer version of the same result took its place
    RETRACTED = "RETRACTED"  #: withdrawn; what may have left is named in a rejection note


class DeliveryEvent(StrEnum):
    CLAIMED = "claimed"
    STORED = "stored"
    COMMITTED = "committed"
    DEFERRED = "deferred"
    LEASE_EXPIRED = "lease expired"
    HELD = "held"
    RELEASED = "released"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    RETRIED = "retried"
    STANDS_IN = "stands in"
    RETRACTED = "retracted"


_S, _E = DeliveryState, DeliveryEvent
DELIVERY_TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (_S.PENDING, _E.CLAIMED): _S.SENDING,
    (_S.PENDING, _E.HELD): _S.HELD,
    (_S.PENDING, _E.EXPIRED): _S.EXPIRED,
    (_S.PENDING, _E.SUPERSEDED): _S.SUPERSEDED,
    (_S.SENDING, _E.STORED): _S.SENT,
    (_S.SENDING, _E.DEFERRED): _S.PENDING,
    (_S.SENDING, _E.LEASE_EXPIRED): _S.PENDING,
    (_S.SENDING, _E.HELD): _S.HELD,
    (_S.SENDING, _E.REFUSED): _S.REFUSED,
    (_S.SENDING, _E.EXPIRED): _S.EXPIRED,
    (_S.SENDING, _E.SUPERSEDED): _S.SUPERSEDED,
    (_S.SENT, _E.COMMITTED): _S.COMMITTED,
    (_S.SENT, _E.RETRIED): _S.PENDING,
    (_S.STANDBY, _E.STANDS_IN): _S.PENDING,
    (_S.STANDBY, _E.SUPERSEDED): _S.SUPERSEDED,
    (_S.HELD, _E.RELEASED): _S.PENDING,
    (_S.HELD, _E.SUPERSEDED): _S.SUPERSEDED,
    (_S.REFUSED, _E.RETRIED): _S.PENDING,
    (_S.REFUSED, _E.SUPERSEDED): _S.SUPERSEDED,
    (_S.EXPIRED, _E.RETRIED): _S.PENDING,
    (_S.EXPIRED, _E.SUPERSEDED): _S.SUPERSEDED,
} | {(state, _E.RETRACTED): _S.RETRACTED for state in _S if state not in {_S.SUPERSEDED, _S.RETRACTED}}


SENT_AGAIN = frozenset(
    before for before, event in DELIVERY_TRANSITIONS if event in {DeliveryEvent.RETRIED, DeliveryEvent.RELEASED}
)
"""States that a person can have sent again, or released."""


def delivery_after(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """Return the state that follows `event`; raise IllegalTransition where the table has no line."""
    try:
        return DELIVERY_TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} while {state}") from None


class DeliveryKind(StrEnum):
    """Results may not leave under a stale identity; originals go out as they came."""

    RESULT = "result"
    ORIGINAL = "original"
    RETRACTION = "retraction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One SOP instance owed to one destination."""

    delivery_id: str
    kind: DeliveryKind
    destination: str
    study_instance_uid: UID
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID
    location: str
    sha256: str
    role: str = ""
    """Which result it is, such as "basic-text-sr"; empty for an original."""
    job_id: str | None = None
    identity_version: int | None = None
    state: DeliveryState = DeliveryState.PENDING
    attempt: int = 0
    """Claims of this row, ever: the fence."""
    nothing_sent: int = 0
    """Of those, how many ended before a byte of the object left."""
    sent_again_at: int = 0
    """`attempt` when a person last had it sent again: the back-off and its end count from there."""
    last_error: str = ""

    @property
    def tries(self) -> int:
        """Attempts since it was owed, or since a person last had it sent again."""
        return self.attempt - self.sent_again_at

    @property
    def may_be_there(self) -> bool:
        """Whether an earlier attempt may have left the object there although no answer said so."""
        return self.attempt - 1 > self.nothing_sent


def backoff(attempt: int) -> timedelta:
    """Wait before the next attempt at a destination: 1 s, 2 s, 4 s, ... at most 10 minutes."""
    return timedelta(seconds=min(600, 2 ** min(max(attempt - 1, 0), 12)))


MAX_TRIES = 440
"""At ten minutes each about three days; then a person looks."""
