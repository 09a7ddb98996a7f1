"""Slices under a mask: which they are, where they lie along their normal, and whether that can be said at all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import known_instances
from service.domain.report import Mask
from service.domain.study import Instance

SAME_PLACE_MM = 0.01
"""Two positions nearer than this are one: headers round."""


def slices_of(mask: Mask, context: EncodingContext) -> list[Instance]:
    """The instances under the map. Raises ValueError where they cannot be laid on one another."""
    known = known_instances(context)
    missing = [uid for uid in mask.images if uid not in known]
    if missing:
        raise ValueError(f"{len(missing)} of the images under the mask are not known")
    slices = [known[uid] for uid in mask.images]
    if len(slices) > 1 and not all(each.position_mm and each.orientation for each in slices):
        raise ValueError("not every slice under the mask states where it lies")
    depths = sorted(depth_mm(each) for each in slices) if len(slices) > 1 else []
    if any(after - before < SAME_PLACE_MM for before, after in pairwise(depths)):
        raise ValueError("several slices under the mask lie in one place")
    return slices


def depth_mm(instance: Instance) -> float:
    """Along the normal of the first two directions, in mm."""
    normal = np.cross(instance.orientation[:3], instance.orientation[3:])
    return float(np.dot(instance.position_mm, normal))


def is_placed(slices: Sequence[Instance]) -> bool:
    """Whether the frames can say where they lie; a slice that has no thickness lies in no volume."""
    first = slices[0]
    return bool(first.position_mm and first.orientation and thickness_mm(slices))


def thickness_mm(slices: Sequence[Instance]) -> float:
    """In mm, as stated or as far as neighbours are apart; 0 where neither is known."""
    return slices[0].slice_thickness_mm or distance_mm(slices)


def distance_mm(slices: Sequence[Instance]) -> float:
    """The usual distance of neighbours in mm; 0 for one slice."""
    depths = sorted(depth_mm(each) for each in slices) if len(slices) > 1 else []
    return float(np.median(np.diff(depths))) if depths else 0.0


def ranks_of(slices: Sequence[Instance]) -> list[int]:
    """The rank of each slice along the normal, from 1."""
    if len(slices) == 1:
        return [1]
    order = sorted(range(len(slices)), key=lambda at: depth_mm(slices[at]))
    return [order.index(at) + 1 for at in range(len(slices))]
