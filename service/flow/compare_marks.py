"""What a workstation made of our segments, as edits and as words."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.edit import Edit, EditClass
from service.domain.segmented import Overlap, Segment

MOST_TOLD = 5
"""Segments whose numbers stand in the words."""


def mark_edits(found: Sequence[Overlap], voxel_ml: float | None) -> tuple[Edit, ...]:
    """An edit for each segment that is not as it was."""
    return tuple(
        Edit(at=at, before=_before(one, voxel_ml), after=_after(one, voxel_ml), classes=classes)
        for at, one in enumerate(found)
        if (classes := _classes(one))
    )


def told(found: Sequence[Overlap], voxel_ml: float | None) -> str:
    """The numbers of our segments that were drawn otherwise; what a foreign tool calls a thing is not repeated."""
    changed = [one for one in found if one.before and one.after and (one.added or one.removed)]
    listed = [
        f"{one.before.name}: Dice {one.dice:.3f}, {one.added} pixels added, {one.removed} removed"
        f"{_volumes(one, voxel_ml)}"
        for one in changed[:MOST_TOLD] if one.before
    ]  # fmt: skip
    more = len(changed) - len(listed)
    return "; ".join([*listed, *([f"{more} more segments changed"] if more else [])])


def _volumes(one: Overlap, voxel_ml: float | None) -> str:
    if voxel_ml is None:
        return ""
    return f", {one.pixels_before * voxel_ml:.4g} ml before, {one.pixels_after * voxel_ml:.4g} ml now"


def _classes(one: Overlap) -> tuple[EditClass, ...]:
    if one.before is None or one.after is None:
        return (EditClass.INSERT if one.before is None else EditClass.DELETE,)
    named = (one.before.name, one.before.kind) != (one.after.name, one.after.kind)
    drawn = bool(one.added or one.removed)
    return (*((EditClass.OUTLINE,) if drawn else ()), *((EditClass.REWORD,) if named else ()))


def _before(one: Overlap, voxel_ml: float | None) -> str:
    return f"{_called(one.before)}: {_size(one.pixels_before, voxel_ml)}." if one.before else ""


def _after(one: Overlap, voxel_ml: float | None) -> str:
    if one.after is None:
        return ""
    changed = f" ({one.added} added, {one.removed} removed, Dice {one.dice:.3f})" if one.before else ""
    return f"{_called(one.after)}: {_size(one.pixels_after, voxel_ml)}{changed}."


def _called(segment: Segment) -> str:
    kind = segment.kind if segment.kind.lower() not in segment.name.lower() else ""
    return f"{segment.name} ({kind})" if kind else segment.name


def _size(pixels: int, voxel_ml: float | None) -> str:
    counted = f"{pixels} {'pixel' if pixels == 1 else 'pixels'}"
    return counted if voxel_ml is None else f"{pixels * voxel_ml:.4g} ml, {counted}"
