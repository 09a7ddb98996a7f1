"""Do the models that are to be served together fit this machine's memory?"""

from __future__ import annotations

from collections.abc import Iterable

from service.domain.algorithm import Card

SHARE = 0.8
"""Of the machine's memory: the rest is for everything else on it."""


def over_budget(cards: Iterable[Card], *, given_mb: int, machine_mb: int) -> str | None:
    """Why the models cannot be served together, with the remedy; None if they can.

    `given_mb` is models.memory_mb of the settings; 0 stands for SHARE of the machine.
    """
    wanted = {card.algorithm.name: card.memory_mb for card in cards}
    most = given_mb or int(machine_mb * SHARE)
    if sum(wanted.values()) <= most:
        return None
    each = ", ".join(f"{name} {size} MB" for name, size in sorted(wanted.items(), key=lambda one: -one[1]))
    return (
        f"The models need {sum(wanted.values())} MB together ({each}) and may take {most} MB here: take one out of "
        "the model repository, lower memory_mb in its card, or raise models.memory_mb."
    )
