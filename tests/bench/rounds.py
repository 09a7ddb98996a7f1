"""Rounds: contenders one after another, again and again, so that a busy machine disturbs all of them alike.

Only ratios within one run are told: each contender's figure over the reference's of the same round, and of those the
median. Needs the standard library alone, so that it also runs beside the peers.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Measure = Callable[[], float]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Measured:
    """What every contender's rounds gave, in the order of the rounds."""

    figures: Mapping[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        return statistics.median(self.figures[name])

    def ratio(self, name: str, to: str) -> float:
        """Median over the rounds of `name`'s figure divided by `to`'s of the same round."""
        pairs = zip(self.figures[name], self.figures[to], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def spread(self, name: str, to: str) -> tuple[float, float]:
        """The smallest and the largest of those ratios."""
        ratios = [one / other for one, other in zip(self.figures[name], self.figures[to], strict=True)]
        return min(ratios), max(ratios)


def interleaved(
    contenders: Mapping[str, Measure], rounds: int, *, warm: int = 1, within_s: float = math.inf, say: Say = str
) -> Measured:
    """Measure every contender once a round, in turn from another one each round; `warm` rounds before do not count.

    A round that would end more than `within_s` after the beginning, were it as long as the last, is not begun; one
    always counts. `say` is told each figure.
    """
    names, began = list(contenders), time.monotonic()
    figures: dict[str, list[float]] = {name: [] for name in names}
    for number in range(warm + rounds):
        begun = time.monotonic()
        first = number % len(names)
        for name in names[first:] + names[:first]:
            figure = contenders[name]()
            say(f"round {number + 1} of {warm + rounds}, {name}: {figure:.4g}")
            if number >= warm:
                figures[name].append(figure)
        now = time.monotonic()
        if number >= warm and now - began + (now - begun) > within_s:
            break
    return Measured({name: tuple(found) for name, found in figures.items()})


def machine() -> str:
    """The machine and how busy it is, in one line."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{platform.machine()}, {cores} cores, load {load:.1f}, Python {platform.python_version()}"


def against(
    measured: Measured, name: str, to: str, target: float | None, *, unit: str, least: bool = True, faster: bool = False
) -> str:
    """One line of a result: how `name` compares to `to`, and whether the target is met (at least it, or at most).

    Where the figures are times and `faster` is asked for, the ratio is `to`'s over `name`'s: how many times as fast.
    """
    over = (to, name) if faster else (name, to)
    ratio, (low, high) = measured.ratio(*over), measured.spread(*over)
    said = (
        f"{name} {measured.median(name):.4g} {unit}, {to} {measured.median(to):.4g} {unit}: "
        f"{'times as fast' if faster else 'ratio'} {ratio:.2f} ({low:.2f} to {high:.2f})"
    )
    if target is None:
        return f"{said}, no target"
    met = ratio >= target if least else ratio <= target
    return f"{said}, target {'>=' if least else '<='} {target:g}: {'met' if met else 'MISSED'}"
