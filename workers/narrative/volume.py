"""Slices of a volume by where they lie in the patient: which series are axial, and a few slices spread over one.

Positions and orientations are in millimetres of the patient's coordinates, x to the left, y to the back, z to the head
(PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import UID

from service.domain.geometry import SAME_PLACE_MM, cross, dot
from service.domain.study import Instance, StoredInstance

_UPRIGHT = 0.9
"""Cosine between an axis of the image and the patient's, from which on a slice is called axial (25 degrees)."""
Stack = tuple[StoredInstance, ...]


def series(images: Sequence[StoredInstance]) -> list[Stack]:
    """`images` by their series, in the order in which the series come."""
    found: dict[UID, list[StoredInstance]] = {}
    for stored in images:
        found.setdefault(stored.instance.series_instance_uid, []).append(stored)
    return [tuple(members) for members in found.values()]


def axial(images: Stack) -> Stack:
    """Those of one series that lie across the patient, right of the patient on the left of the image, feet first.

    One of several in the same place stands for them. A slice that does not state its place is none.
    """
    stack: list[StoredInstance] = []
    for stored in sorted((each for each in images if _across(each.instance)), key=_height_mm):
        if not stack or _height_mm(stored) - _height_mm(stack[-1]) > SAME_PLACE_MM:
            stack.append(stored)
    return tuple(stack)


def spread(stack: Stack, count: int) -> Stack:
    """At most `count` of `stack`, each nearest to the middle of one of `count` equal parts of its height."""
    if len(stack) <= count:
        return stack
    heights = [_height_mm(stored) for stored in stack]
    part = (heights[-1] - heights[0]) / count
    middles = [heights[0] + (number + 0.5) * part for number in range(count)]
    nearest = {min(range(len(stack)), key=lambda at: abs(heights[at] - middle)) for middle in middles}
    return tuple(stack[at] for at in sorted(nearest))


def _across(instance: Instance) -> bool:
    """Slices that show the patient's left on the left, as of a prone patient, are none: a finding on the wrong side is
    the worst of errors."""
    orientation = instance.orientation
    if instance.position_mm is None or orientation is None:
        return False
    (right_to_left, _, _), (_, front_to_back, _) = orientation
    return right_to_left > _UPRIGHT and front_to_back > _UPRIGHT


def _height_mm(stored: StoredInstance) -> float:
    """Position along the normal of the slice, which `_across` has seen to state both."""
    position, orientation = stored.instance.position_mm, stored.instance.orientation
    return dot(position, cross(*orientation)) if position and orientation else 0.0
