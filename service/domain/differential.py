"""Differential: what the findings of a report may be together, by a table of associations, each with for and against.

The table is data that a site can replace (C15). A report's findings are weighed, nothing is inferred from silence, and
a diagnosis that no finding carries is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain.prose.mention import Mention
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading
from service.domain.prose.side import Side
from service.domain.prose.site import sites
from service.domain.prose.span import Span

MOST = 6
"""Diagnoses that are offered."""
CARRIES = 2.0
"""Points for, less points against, from which on one is offered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """A finding that speaks for or against a diagnosis."""

    finding: str
    """By its name in `service.domain.prose.vocabulary`."""
    weight: int
    """1 (slightly) to 3 (strongly)."""
    absent: bool = False
    """Whether it is its denial that speaks; silence never does."""
    both: bool = False
    """Whether it counts on both sides alone."""
    site: str = ""
    """A site of `service.domain.prose.site` that it must be at; empty for any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What findings may be together."""

    name: str
    supports: tuple[Sign, ...]
    opposes: tuple[Sign, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Every diagnosis that can be offered, and whose list it is."""

    name: str
    version: str
    statement: str
    """What whoever reads a differential must know of the list."""
    diagnoses: tuple[Diagnosis, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A sign that the report states, where it does, and what it counts."""

    sign: Sign
    points: float
    """Its weight; half of it where the report is in doubt."""
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A diagnosis that findings of the report carry."""

    name: str
    supports: tuple[Weighed, ...]
    opposes: tuple[Weighed, ...]

    @property
    def points(self) -> float:
        """Those for less those against."""
        return sum(each.points for each in self.supports) - sum(each.points for each in self.opposes)


def candidates(reading: Reading, table: Table) -> tuple[Candidate, ...]:
    """At most MOST diagnoses by their points, ties by how many signs speak for them, then as the table has them.

    Each has a finding for it that the report states or doubts; none for a report that carries none.
    """
    weighed = (_weighed(each, reading.told) for each in table.diagnoses)
    carried = [each for each in weighed if each.points >= CARRIES and any(not one.sign.absent for one in each.supports)]
    return tuple(sorted(carried, key=lambda each: (-each.points, -len(each.supports)))[:MOST])


def _weighed(diagnosis: Diagnosis, told: Sequence[Mention]) -> Candidate:
    return Candidate(
        name=diagnosis.name,
        supports=tuple(_stated(diagnosis.supports, told)),
        opposes=tuple(_stated(diagnosis.opposes, told)),
    )


def _stated(signs: Sequence[Sign], told: Sequence[Mention]) -> Iterator[Weighed]:
    """Each sign that is stated, once: by the first certain mention, else the first doubtful one."""
    for sign in signs:
        found = [each for each in told if each.name == sign.finding and _is_meant(sign, each)]
        if sign.absent and any(not each.absent for each in told if each.name == sign.finding):
            continue
        if found and not (sign.both and not _both(found)):
            first = min(found, key=lambda each: (each.polarity is Polarity.UNCERTAIN, each.span))
            points = sign.weight / 2 if first.polarity is Polarity.UNCERTAIN else float(sign.weight)
            yield Weighed(sign=sign, points=points, span=first.clause)


def _is_meant(sign: Sign, mention: Mention) -> bool:
    if mention.absent is not sign.absent:
        return False
    return not sign.site or sign.site in sites(mention.clause.text)


def _both(found: Sequence[Mention]) -> bool:
    sides = {each.side for each in found}
    return Side.BOTH in sides or {Side.LEFT, Side.RIGHT} <= sides
