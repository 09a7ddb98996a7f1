"""What several images say together: statements that mean the same thing become one finding.

What means the same is told apart for projections of one patient (projections.py) and for slices of one volume
(slices.py). Here is what both share: one finding, worded by the image that shows most of it, with the evidence of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from service.domain import code
from service.domain.report import Evidence, Finding, Section, Sentence
from service.domain.uids import derive_uid
from workers.algorithms.base import Draft, Looked, Statement
from workers.narrative import boxes
from workers.narrative.sentences import conclude

_RANKS = {code.MILD: 1.0, code.MODERATE: 2.0, code.SEVERE: 3.0}
Places = Callable[[Sequence[int]], str]
"""How the images of a statement are named before its words, by their numbers."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One statement of one image."""

    finding: Finding
    statement: Statement
    number: int
    """Of the image."""

    @property
    def extent(self) -> tuple[float, float, float]:
        """How much of it is seen: severity, then millimetres, then the area of its box."""
        found = self.finding
        size = found.measurements[0].value if found.measurements else 0.0
        return _RANKS.get(found.severity, 0.0) if found.severity else 0.0, size, boxes.area(self.evidence.region)

    @property
    def evidence(self) -> Evidence:
        return self.finding.evidence[0]

    @property
    def name(self) -> str:
        return self.statement.name


Group = tuple[Seen, ...]
"""The same thing, on one or more images."""


def seen(drafts: Sequence[Draft], looked: Iterable[Looked]) -> list[Seen]:
    """Every statement of `drafts`, in the order of the images.

    Of what one of them is in doubt about, the others' absence is none.
    """
    numbers = {one.instance.sop_instance_uid: one.number for one in looked}
    every = [
        Seen(finding, statement, numbers[finding.evidence[0].sop_instance_uid])
        for draft in drafts
        for finding, statement in zip(draft.findings, draft.statements, strict=True)
    ]
    doubted = set(doubts(drafts)) - {one.name for one in every if one.finding.present}
    return [one for one in every if one.name not in doubted]


def merged(groups: Sequence[Group], places: Places, doubted: Sequence[str], *, whole: bool, namespace: str) -> Draft:
    """One finding and one sentence for each of `groups`, and the impression of all.

    Nothing is called normal where something is in doubt, or where not every image was read (`whole`).
    """
    findings, statements = [], []
    for group, tracking_id in zip(groups, _tracking_ids(groups), strict=True):
        main = max(group, key=lambda one: (one.finding.laterality is not None, one.extent))
        findings.append(_together(main, group, tracking_id, namespace))
        words = places([one.number for one in group]) + main.statement.words
        statements.append(replace(main.statement, tracking_id=tracking_id, words=words))
    told = [Sentence(section=Section.FINDINGS, text=one.words, findings=(one.tracking_id,)) for one in statements]
    sentences = (*told, *(conclude(statements, doubted) if whole or any(one.item for one in statements) else ()))
    return Draft(findings=tuple(findings), sentences=sentences, statements=tuple(statements), doubts=tuple(doubted))


def doubts(drafts: Iterable[Draft]) -> tuple[str, ...]:
    """What any of `drafts` contradicts itself on."""
    return tuple(dict.fromkeys(name for draft in drafts for name in draft.doubts))


def _together(main: Seen, group: Group, tracking_id: str, namespace: str) -> Finding:
    """`main`'s finding with what the others add: images, where it is in depth, and the highest probability."""
    others = sorted((one for one in group if one is not main), key=lambda one: one.number)
    probabilities = [p for one in group if (p := one.finding.probability) is not None]
    depths = [one.finding.topography for one in (main, *others) if one.finding.topography]
    return replace(
        main.finding,
        tracking_id=tracking_id,
        tracking_uid=derive_uid(namespace, tracking_id),
        topography=depths[0] if depths else None,
        probability=max(probabilities, default=None),
        evidence=tuple(one.evidence for one in (main, *others)),
    )


def _tracking_ids(groups: Iterable[Group]) -> list[str]:
    """By what it is and its side; a further one of the same is numbered from 2."""
    made: Counter[str] = Counter()
    ids = []
    for group in groups:
        sides = [one.finding.laterality.meaning.lower() for one in group if one.finding.laterality]
        name = "-".join([*([] if group[0].finding.present else ["no"]), group[0].name.replace(" ", "-"), *sides[:1]])
        made[name] += 1
        ids.append(name if made[name] == 1 else f"{name}-{made[name]}")
    return ids


def ordered(groups: Iterable[Group], all_seen: Sequence[Seen]) -> list[Group]:
    """Groups by finding in the order in which the images state them, absent before present, right before left."""
    order = list(dict.fromkeys(one.name for one in all_seen))
    sides = (code.RIGHT, code.LEFT, None)

    def place(group: Group) -> tuple[int, bool, int, int]:
        side = next((one.finding.laterality for one in group if one.finding.laterality), None)
        return order.index(group[0].name), group[0].finding.present, sides.index(side), group[0].number

    return sorted(groups, key=place)


def absent_groups(all_seen: Iterable[Seen]) -> list[Group]:
    """What each name's images do not show, together."""
    absent: dict[str, list[Seen]] = {}
    for one in all_seen:
        if not one.finding.present:
            absent.setdefault(one.name, []).append(one)
    return [tuple(group) for group in absent.values()]


def listed(numbers: Sequence[int]) -> str:
    """ "1", "1 and 2", "1, 2 and 3"."""
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
