"""How good the answers are: counts that add up over reports, and the figures made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.text_tasks.mentions import Mention
from tests.bench.text_tasks.report_set import LABELS, SECTIONS, Fact, Report


@dataclass(frozen=True)
class Count:
    """Right ones, invented ones and missed ones."""

    hits: int = 0
    invented: int = 0
    missed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.hits + other.hits, self.invented + other.invented, self.missed + other.missed)

    @property
    def precision(self) -> float | None:
        return _share(self.hits, self.hits + self.invented)

    @property
    def recall(self) -> float | None:
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None where there was nothing to find and nothing was found."""
        return _share(2 * self.hits, 2 * self.hits + self.invented + self.missed)


def count_sets(right: frozenset[Any], answered: frozenset[Any]) -> Count:
    """Return the count of two sets."""
    return Count(len(right & answered), len(answered - right), len(right - answered))


def count_labels(state: str, pairs: Iterable[tuple[Mapping[str, str], Mapping[str, str]]]) -> dict[str, Count]:
    """Return, for each label, how often `state` was right, invented, missed over (right, answered) pairs."""
    counts = dict.fromkeys(LABELS, Count())
    for right, answered in pairs:
        for label in LABELS:
            here, there = right[label] == state, answered.get(label) == state
            counts[label] += Count(int(here and there), int(there and not here), int(here and not there))
    return counts


def micro_f1(counts: Mapping[str, Count]) -> float | None:
    """Return F1 over all labels' decisions together."""
    return sum(counts.values(), Count()).f1


def macro_f1(counts: Mapping[str, Count]) -> float | None:
    """Return the mean F1 of the labels that truly occur; a label that never does has no F1."""
    return mean([count.f1 or 0.0 for count in counts.values() if count.hits + count.missed])


def lines_right(report: Report, answered: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many of the lines that are scored were put into their one section, and how many are scored."""
    right = {number: name for name, numbers in report.sections.items() for number in numbers}
    put: dict[int, list[str]] = {number: [] for number in right}
    for name in SECTIONS:
        for number in set(answered.get(name, ())):
            put.get(number, []).append(name)
    return sum(put[number] == [name] for number, name in right.items()), len(right)


def named_devices(answered: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return the devices of an answer, each with its state."""
    return frozenset((entry["device"], entry["state"]) for entry in answered.get("devices", ()))


def changes_right(right: Mapping[str, str], answered: Mapping[str, str]) -> tuple[int, int]:
    """Return how many findings were compared rightly, and how many either side compares."""
    keys = right.keys() | answered.keys()
    return sum(right.get(key) == answered.get(key) for key in keys), len(keys)


def facts_told(facts: Sequence[Fact], written: frozenset[Mention]) -> tuple[int, int]:
    """Return how many of `facts` stand in the impression, and how many there are."""
    return sum(_told(fact, written) for fact in facts), len(facts)


def facts_supported(facts: Sequence[Fact], written: frozenset[Mention], source: frozenset[Mention]) -> tuple[int, int]:
    """Return how many of the findings written are borne out by the facts or the report's text, and how many there are.

    A denial that contradicts either counts as one not borne out; any other earns nothing, or an answer that only denies
    would look precise.
    """
    present = [one for one in written if one.state == "present"]
    contradicted = [one for one in written if one.state == "absent" and not _supported(one, facts, source)]
    return sum(_supported(one, facts, source) for one in present), len(present) + len(contradicted)


def _told(fact: Fact, written: frozenset[Mention]) -> bool:
    named = [one for one in written if one.name in fact.findings and (one.state == "present") == fact.present]
    if not fact.present or not fact.side:
        return bool(named)
    sides = {one.side for one in named}
    if fact.side == "both":  # a plural without a side says as much
        return bool(sides & {"both", ""}) or sides >= {"right", "left"}
    return fact.side in sides


def _supported(one: Mention, facts: Sequence[Fact], source: frozenset[Mention]) -> bool:
    stated = {fact.side for fact in facts if fact.present and one.name in fact.findings}
    stated |= {other.side for other in source if other.state == "present" and other.name == one.name}
    if one.state == "present":
        return any(_same_side(one.side, side) for side in stated) or (
            one.side == "both" and stated >= {"right", "left"}
        )
    denied = any(not fact.present and one.name in fact.findings for fact in facts)
    return denied or not any(_same_side(one.side, side) for side in stated)


def _same_side(written: str, stated: str) -> bool:
    """Whether what is written may be what was stated; either may leave the side open."""
    return not (written and stated) or written == stated or stated == "both"


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def share(parts: Iterable[tuple[int, int]]) -> float | None:
    """Return the share of all (right, of) together, or None of nothing."""
    both = list(parts)
    return _share(sum(right for right, _ in both), sum(of for _, of in both))


def _share(right: int, of: int) -> float | None:
    return right / of if of else None
