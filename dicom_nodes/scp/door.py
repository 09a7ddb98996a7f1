"""Door: who may associate, decided from names, address and room; no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.config import Configuration
from service.domain.node import Source, source_of
from service.settings import Scp

PERMANENT, TRANSIENT = 1, 2
USER, PRESENTATION = 1, 3
CALLING_UNKNOWN, CALLED_UNKNOWN = 3, 7
CONGESTION, LIMIT = 1, 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4) and what a person should know and do about it."""

    result: int
    source: int
    reason: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Knock:
    """What is known of a peer when it asks for an association."""

    called: str
    calling: str
    address: str
    has_room: bool
    established: int
    """Associations in use, over all peers."""
    established_here: int
    """Of those, from the same address."""


def share_of_one_peer(scp: Scp) -> int:
    """How many associations one address may hold, so that no peer takes them all."""
    return max(1, scp.max_associations * 3 // 4)


def decide(knock: Knock, scp: Scp, configuration: Configuration) -> Refusal | Source:
    """The source that the caller is, or why it is turned away."""
    who = f"{printable(knock.calling)!r} at {knock.address}"
    if knock.called.strip() != scp.ae_title:
        called = printable(knock.called)
        text = f"{who} called us {called!r}; our AE title is {scp.ae_title!r}: correct the called AE title there."
        return Refusal(PERMANENT, USER, CALLED_UNKNOWN, text)
    source = source_of(configuration.sources, ae_title=knock.calling, address=knock.address)
    if source is None:
        text = f"{who} is no known source; if it should be, add its AE title and network to nodes.toml and apply it."
        return Refusal(PERMANENT, USER, CALLING_UNKNOWN, text)
    if not knock.has_room:
        text = f"{who} was turned away because the spool's disk is below its reserve; free some space."
        return Refusal(TRANSIENT, PRESENTATION, LIMIT, text)
    if knock.established >= scp.max_associations or knock.established_here >= share_of_one_peer(scp):
        text = f"{who} was turned away because {knock.established} associations are open (scp.max_associations)."
        return Refusal(TRANSIENT, PRESENTATION, LIMIT, text)
    return source


def not_now(knock: Knock, why: str) -> Refusal:
    """We cannot decide at the moment; the peer may come back."""
    text = f"{printable(knock.calling)!r} at {knock.address} was turned away for now: {why}"
    return Refusal(TRANSIENT, PRESENTATION, CONGESTION, text)


def printable(ae_title: str) -> str:
    """An AE title as a stranger sent it, fit for an event's text."""
    return "".join(c if " " <= c <= "~" else "?" for c in ae_title.strip()[:16])
