"""What several images say together: statements that mean the same thing become one finding.

Two ways to tell what is the same: projections of one patient (`projections`), and slices of one volume (`slices`).
Everything else is alike: one finding, worded by the image that shows most of it, with the evidence of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from service.domain import code
from service.domain.code import Code
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


def seen(drafts: Iterable[Draft], looked: Iterable[Looked]) -> list[Seen]:
    """Every statement of `drafts`, in the order of the images."""
    numbers = {one.instance.sop_instance_uid: one.number for one in looked}
    return [
        Seen(finding, statement, numbers[finding.evidence[0].sop_instance_uid])
        for draft in drafts
        for finding, statement in zip(draft.findings, draft.statements, strict=True)
    ]


def merged(groups: Sequence[Group], places: Places, *, namespace: str) -> Draft:
    """One finding and one sentence for each of `groups`, and the impression of all."""
    names = _tracking_ids(groups)
    findings, statements = [], []
    for group, tracking_id in zip(groups, names, strict=True):
        main = max(group, key=lambda one: (one.finding.laterality is not None, one.extent))
        findings.append(_together(main, group, tracking_id, namespace))
        where = places([one.number for one in group])
        words = f"{where}{main.statement.words}"
        statements.append(replace(main.statement, tracking_id=tracking_id, words=words))
    told = [Sentence(section=Section.FINDINGS, text=one.words, findings=(one.tracking_id,)) for one in statements]
    return Draft(
        findings=tuple(findings), sentences=(*told, conclude(statements)), statements=tuple(statements)
    )  # fmt: skip


def _together(main: Seen, group: Group, tracking_id: str, namespace: str) -> Finding:
    """`main`'s finding with what the others add: images, where it is in depth, and the highest probability."""
    others = [one for one in group if one is not main]
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
    """By what it is and its side; a further one of the same is numbered."""
    made: list[str] = []
    for group in groups:
        sides = [one.finding.laterality.meaning.lower() for one in group if one.finding.laterality]
        name = "-".join([*([] if group[0].finding.present else ["no"]), group[0].name.replace(" ", "-"), *sides[:1]])
        again = sum(1 for other in made if other == name or (other.startswith(f"{name}-") and other[-1].isdigit()))
        made.append(f"{name}-{again + 1}" if again else name)
    return made


def ordered(groups: Iterable[Group], all_seen: Sequence[Seen]) -> list[Group]:
    """Groups by finding in the order in which the images state them, absent before present, right before left."""
    order = list(dict.fromkeys(one.name for one in all_seen))

    def place(group: Group) -> tuple[int, bool, str, int]:
        side = next((one.finding.laterality.meaning for one in group if one.finding.laterality), "")
        return (
            order.index(group[0].name),
            group[0].finding.present,
            {"Right": "", "Left": "l"}.get(side, "z"),
            group[0].number,
        )

    return sorted(groups, key=place)


# --- projections of one patient --------------------------------------------------------------------------------------


def projections(all_seen: Sequence[Seen]) -> list[Group]:
    """What radiographs of one patient show: the same thing on several of them is one finding.

    A lateral view tells no side, so what it shows is the one of the same name whose size is nearest.
    """
    groups: list[list[Seen]] = []
    present = [one for one in all_seen if one.finding.present]
    for one in sorted(present, key=lambda each: each.finding.laterality is None):
        fits = [group for group in groups if all(_same(one, other) for other in group)]
        if fits:
            min(fits, key=lambda group: _apart(one, group[0])).append(one)
        else:
            groups.append([one])
    return ordered([*_absent(all_seen), *map(tuple, groups)], all_seen)


def disagreements(groups: Sequence[Group], draft: Draft, of: int) -> tuple[Sentence, ...]:
    """A sentence for each finding that one of the images shows and another one, which looks for it, does not."""
    said = []
    for group, finding, statement in zip(groups, draft.findings, draft.statements, strict=True):
        against = _against(group, groups) if finding.present else []
        if against:
            here, there = ({one.number for one in each} for each in (group, against))
            ids = [
                one.tracking_id for each, one in zip(groups, draft.findings, strict=True) if set(each) & set(against)
            ]
            text = (
                f"The images disagree: {statement.item} is seen on {images(here, of)} and not on {images(there, of)}."
            )
            cited = tuple(dict.fromkeys([finding.tracking_id, *ids]))
            said.append(Sentence(section=Section.CONCLUSIONS, text=text, findings=cited))
    return tuple(said)


def images(numbers: Iterable[int], of: int) -> str:
    """ "image 2 of 3", "images 1 and 2 of 3"."""
    told = sorted(set(numbers))
    return f"image{'s' if len(told) > 1 else ''} {listed(told)} of {of}"


def listed(numbers: Sequence[int]) -> str:
    """ "1", "1 and 2", "1, 2 and 3"."""
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _against(group: Group, groups: Iterable[Group]) -> list[Seen]:
    """Statements on the same thing by images none of whose statements can be of this one."""
    others = [one for other in groups for one in other if one.name == group[0].name]
    numbers = {one.number for one in others} - {one.number for one in group}
    agree = {one.number for one in others if one.finding.present and all(_alike(one, each) for each in group)}
    return [one for one in others if one.number in numbers - agree]


def _same(one: Seen, other: Seen) -> bool:
    return one.number != other.number and _alike(one, other)


def _alike(one: Seen, other: Seen) -> bool:
    """Whether name, side and place are those of one thing; what an image cannot tell does not contradict."""
    pairs = (
        (one.finding.laterality, other.finding.laterality),
        (_zone(one.finding), _zone(other.finding)),
        (one.finding.topography, other.finding.topography),
    )
    return one.name == other.name and all(a == b or a is None or b is None for a, b in pairs)


def _zone(finding: Finding) -> Code | None:
    return None if finding.site == code.LUNG else finding.site


def _apart(one: Seen, other: Seen) -> float:
    """How different in size."""
    return abs(one.extent[0] - other.extent[0]) + abs(one.extent[1] - other.extent[1])


def _absent(all_seen: Iterable[Seen]) -> list[Group]:
    absent: dict[str, list[Seen]] = {}
    for one in all_seen:
        if not one.finding.present:
            absent.setdefault(one.name, []).append(one)
    return [tuple(group) for group in absent.values()]


# --- slices of one volume --------------------------------------------------------------------------------------------


def slices(all_seen: Sequence[Seen]) -> list[Group]:
    """What slices of one volume show: one finding for each name and side; nodules by where they are.

    What one slice does not show is absent only if no slice shows it.
    """
    groups: list[list[Seen]] = []
    for one in all_seen:
        if one.finding.present:
            goes_on = [group for group in groups if _goes_on(group, one)]
            if goes_on:
                max(goes_on, key=lambda group: _shared(group[-1], one)).append(one)
            else:
                groups.append([one])
    present = {group[0].name for group in groups}
    absent = [group for group in _absent(all_seen) if group[0].name not in present]
    return ordered([*absent, *map(tuple, groups)], all_seen)


def _goes_on(group: Sequence[Seen], one: Seen) -> bool:
    """Whether `one` is more of `group`; a nodule only where its box overlaps that of the slice before."""
    last = group[-1]
    if (last.name, last.finding.laterality) != (one.name, one.finding.laterality):
        return False
    return one.finding.concept != code.NODULE or (one.number - last.number == 1 and _shared(last, one) > 0)


def _shared(one: Seen, other: Seen) -> float:
    regions = one.evidence.region, other.evidence.region
    return boxes.overlap(regions[0], regions[1]) if regions[0] and regions[1] else 0.0
