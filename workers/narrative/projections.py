"""What radiographs of one patient show together: which statements mean the same thing, and where images disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.domain import code
from service.domain.code import Code
from service.domain.report import Finding, Section, Sentence
from workers.algorithms.base import Draft, Statement
from workers.narrative.merge import Group, Seen, absent_groups, listed, ordered


def same(all_seen: Sequence[Seen]) -> list[Group]:
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
    return ordered([*absent_groups(all_seen), *map(tuple, groups)], all_seen)


def disagreements(groups: Sequence[Group], draft: Draft, of: int) -> tuple[Sentence, ...]:
    """A sentence for each finding of `draft`, which was made of `groups`, that one image shows and another does not."""
    told = zip(groups, draft.statements, draft.findings, strict=True)
    return tuple(
        _disagreement(statement, group, against, _ids(against, groups, draft), of)
        for group, statement, finding in told
        if finding.present and (against := _against(group, groups))
    )


def _disagreement(statement: Statement, group: Group, against: Group, others: Sequence[str], of: int) -> Sentence:
    here, there = (images([one.number for one in each], of) for each in (group, against))
    text = f"The images disagree: {statement.item} is seen on {here} and not on {there}."
    return Sentence(section=Section.CONCLUSIONS, text=text, findings=(statement.tracking_id, *others))


def _ids(statements: Group, groups: Iterable[Group], draft: Draft) -> list[str]:
    """Tracking ids of the findings that `statements` went into."""
    return [
        finding.tracking_id
        for group, finding in zip(groups, draft.findings, strict=True)
        if not set(group).isdisjoint(statements)
    ]


def images(numbers: Iterable[int], of: int) -> str:
    """ "image 2 of 3", "images 1 and 2 of 3"."""
    told = sorted(set(numbers))
    return f"image{'s' if len(told) > 1 else ''} {listed(told)} of {of}"


def _against(group: Group, groups: Iterable[Group]) -> Group:
    """Statements on the same thing by images none of whose statements can be of this one."""
    others = [one for other in groups for one in other if one.name == group[0].name]
    numbers = {one.number for one in others} - {one.number for one in group}
    agree = {one.number for one in others if one.finding.present and all(_alike(one, each) for each in group)}
    return tuple(one for one in others if one.number in numbers - agree)


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
