"""Select: which images of a manifest an algorithm reads, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import UID

from service.domain.algorithm import Limits, outside_limits
from service.domain.report import Evidence
from service.domain.sop import is_image
from service.domain.study import Identity, StoredInstance, age_years
from workers.algorithms.base import AlgorithmModule, Looked

MAX_IMAGES = 8
"""Images that one step reads; a study with more says so in its report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is read, and one sentence for each image that is not."""

    images: tuple[tuple[StoredInstance, Looked], ...]
    left_out: tuple[str, ...]


def select(
    instances: Sequence[StoredInstance], algorithm: AlgorithmModule, limits: Limits, identity: Identity
) -> Selection:
    """The images of `instances` that the algorithm and its card accept, at most MAX_IMAGES."""
    chosen: list[StoredInstance] = []
    left_out: list[str] = []
    for stored in instances:
        reason = _why_not(stored, algorithm, limits, identity)
        if reason is None and len(chosen) == MAX_IMAGES:
            reason = f"only {MAX_IMAGES} images of a study are read"
        if reason is None:
            chosen.append(stored)
        else:
            left_out.append(reason)
    return _selection(chosen, tuple(dict.fromkeys(left_out)))


def again(instances: Sequence[StoredInstance], images: Sequence[str], left_out: tuple[str, ...]) -> Selection:
    """The selection that a kept step was asked on, whatever rules and cards say today."""
    by_uid = {stored.instance.sop_instance_uid: stored for stored in instances}
    return _selection([by_uid[UID(uid)] for uid in images if uid in by_uid], left_out)


def evidence_of(stored: StoredInstance) -> Evidence:
    """The whole image as evidence."""
    instance = stored.instance
    return Evidence(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        series_instance_uid=instance.series_instance_uid,
    )


def _selection(chosen: Sequence[StoredInstance], left_out: tuple[str, ...]) -> Selection:
    looked = [
        Looked(evidence=evidence_of(stored), number=number, of=len(chosen)) for number, stored in enumerate(chosen, 1)
    ]
    return Selection(images=tuple(zip(chosen, looked, strict=True)), left_out=left_out)


def _why_not(stored: StoredInstance, algorithm: AlgorithmModule, limits: Limits, identity: Identity) -> str | None:
    return outside(stored, limits, identity) or algorithm.accepts(stored.instance)


def outside(stored: StoredInstance, limits: Limits, identity: Identity) -> str | None:
    """Why an instance is no image, or outside the card's limits; None if it is one inside."""
    instance = stored.instance
    if not is_image(instance.sop_class_uid):
        return f"{instance.sop_class_uid.name} is not an image"
    return outside_limits(
        limits,
        modality=instance.modality,
        sop_class=instance.sop_class_uid,
        body_part=instance.body_part,
        view=instance.view,
        age_years=age_years(identity, instance.attributes),
    )
