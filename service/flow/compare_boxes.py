"""What a workstation made of our boxes: moved, said to be something else, taken away, or drawn beside them."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.aligned import edits
from service.domain.edit import Edit, EditClass
from service.domain.report import Region, Report
from service.domain.returned import Box
from service.domain.uids import derive_uid

SAME = 0.98
"""From this overlap on a box stands where it stood: tools round."""


def our_boxes(report: Report) -> tuple[Box, ...]:
    """Every box of a report, with the tracking UID that it is sent with."""
    return tuple(
        Box(
            uid=str(derive_uid(finding.tracking_uid, number) if number else finding.tracking_uid),
            finding=finding.concept.meaning,
            place=" ".join(each.meaning for each in (finding.laterality, finding.site) if each).lower(),
            image=str(evidence.sop_instance_uid),
            frame=evidence.frame or 1,
            region=evidence.region,
        )
        for finding in report.findings if finding.present
        for number, evidence in enumerate(one for one in finding.evidence if one.region)
        if evidence.region
    )  # fmt: skip


def overlap(one: Box, other: Box) -> float:
    """0..1: what both cover of what either does; 0 on different images."""
    if (one.image, one.frame) != (other.image, other.frame):
        return 0.0
    a, b = one.region, other.region
    across = min(a.right, b.right) - max(a.left, b.left)
    down = min(a.bottom, b.bottom) - max(a.top, b.top)
    both = max(0.0, across) * max(0.0, down)
    either = _area(a) + _area(b) - both
    return both / either if either > 0 else float(a == b)


def overlaps(ours: Sequence[Box], theirs: Sequence[Box]) -> bool:
    return any(overlap(one, other) > 0 for one in ours for other in theirs)


def box_edits(ours: Sequence[Box], theirs: Sequence[Box], *, whole: bool) -> tuple[Edit, ...]:
    """What became of each box of ours, then what is new; `whole`: `theirs` is all that the workstation kept.

    Boxes are the same by tracking UID, else where they cover one another most.
    """
    pairs = _pairs(ours, theirs)
    found = [
        edit for at, one in enumerate(ours)
        if (edit := _changed(at, one, theirs[pairs[at]]) if at in pairs else _edit(at, one, None) if whole else None)
    ]  # fmt: skip
    if whole:
        found += [_edit(len(ours), None, box) for at, box in enumerate(theirs) if at not in pairs.values()]
    return tuple(found)


def _pairs(ours: Sequence[Box], theirs: Sequence[Box]) -> dict[int, int]:
    """Numbers of the same box, ours and theirs."""
    found = {at: n for at, one in enumerate(ours) for n, other in enumerate(theirs) if other.uid == one.uid}
    near = sorted(
        ((overlap(one, other), at, n) for at, one in enumerate(ours) for n, other in enumerate(theirs)),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    for shared, at, n in near:
        if shared > 0 and at not in found and n not in found.values():
            found[at] = n
    return found


def _changed(at: int, before: Box, after: Box) -> Edit | None:
    said = Box(
        uid=after.uid, finding=after.finding or before.finding, place=after.place or before.place, image=after.image,
        frame=after.frame, region=after.region,
    )  # fmt: skip
    classes = [EditClass.OUTLINE] if overlap(before, after) < SAME else []
    changed = edits(_words(before), _words(said))
    classes += changed[0].classes if len(changed) == 1 else [EditClass.REWORD] if changed else []
    if not classes:
        return None
    return Edit(at=at, before=_sentence(before), after=_sentence(said), classes=tuple(classes))


def _edit(at: int, before: Box | None, after: Box | None) -> Edit:
    return Edit(
        at=at,
        before=_sentence(before) if before else "",
        after=_sentence(after) if after else "",
        classes=(EditClass.DELETE if before else EditClass.INSERT,),
    )


def _words(box: Box) -> str:
    return f"{box.finding or 'Finding'}{f' ({box.place})' if box.place else ''}.".capitalize()


def _sentence(box: Box) -> str:
    a: Region = box.region
    return (
        f"{_words(box).removesuffix('.')}, columns {a.left:.0f} to {a.right:.0f}, rows {a.top:.0f} to {a.bottom:.0f}."
    )


def _area(box: Region) -> float:
    return max(0.0, box.right - box.left) * max(0.0, box.bottom - box.top)
