"""Order: which objects of a reading are written, in which form, and to whom each goes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from service.domain.node import DestinationNode
from service.domain.profile import CharacterSet, Profile

TELLING = ("basic-text-sr", "tid1500", "encapsulated-pdf", "secondary-capture")
"""Objects that each tell the whole reading; the others point at it."""


class Form(NamedTuple):
    """How an object is written; another form is another instance in another series."""

    character_set: CharacterSet = CharacterSet.UTF_8
    series_number: int = 0
    """Where the block of Series Numbers begins; 0 for the usual ones."""


class Order(NamedTuple):
    """One object to write."""

    role: str
    form: Form = Form()


class Addressees(NamedTuple):
    """Whom an object is sent to, and where it is kept ready."""

    sent_to: frozenset[str]
    stands_in_at: frozenset[str]


def orders(outputs: Sequence[str], nodes: Iterable[DestinationNode]) -> tuple[Order, ...]:
    """What to write of a reading by a rule that asks for `outputs`; without a destination, those alone."""
    asked = [order for node in nodes for order in (*wanted(node, outputs), *_stand_ins(node, outputs))]
    return tuple(dict.fromkeys(asked or [Order(role) for role in outputs]))


def wanted(node: DestinationNode, outputs: Sequence[str]) -> tuple[Order, ...]:
    """What `node` is to get."""
    return tuple(Order(role, _form(node.profile)) for role in node.profile.wanted(tuple(outputs)))


def _stand_ins(node: DestinationNode, outputs: Sequence[str]) -> tuple[Order, ...]:
    return tuple(Order(role, _form(node.profile)) for role in node.profile.stand_ins(tuple(outputs)))


def _form(profile: Profile) -> Form:
    return Form(profile.character_set, profile.series_number)


def addressed(
    made: Sequence[Order], refused: Collection[Order], outputs: Sequence[str], nodes: Sequence[DestinationNode]
) -> dict[Order, Addressees]:
    """Who gets which of the objects that were `made`; what was `refused` here is stood in for at once."""
    sent = {node.name: tuple(_sent(node, made, refused, outputs)) for node in nodes}
    ready = {node.name: set(_stand_ins(node, outputs)) - set(sent[node.name]) for node in nodes}
    return {
        order: Addressees(
            frozenset(name for name, mine in sent.items() if order in mine),
            frozenset(name for name, mine in ready.items() if order in mine),
        )
        for order in made
    }


def _sent(
    node: DestinationNode, made: Sequence[Order], refused: Collection[Order], outputs: Sequence[str]
) -> Iterator[Order]:
    """At most as many as the node takes; one that tells the reading, if it was to get one and any was made."""
    asked = wanted(node, outputs)
    mine = [order for order in asked if order in made]
    if any(order in refused for order in asked) and not any(order.role in TELLING for order in mine):
        telling = [order for order in (*_stand_ins(node, outputs), *made) if order in made and order.role in TELLING]
        mine = [*telling[:1], *mine]
    yield from mine[: node.profile.max_objects or None]
