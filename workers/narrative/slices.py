"""What slices of one volume show together: which statements mean the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain import code
from workers.narrative import boxes
from workers.narrative.merge import Group, Seen, absent_groups, ordered


def same(all_seen: Sequence[Seen]) -> list[Group]:
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
    absent = [group for group in absent_groups(all_seen) if group[0].name not in present]
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
