"""Select: which images of a manifest an algorithm reads, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import UID

from service.domain.algorithm import Limits, outside_limits
from service.domain.report import Evidence
from service.domain.sop import is_image
from service.domain.study import Identity, StoredInstance, age_years
from workers.algorithms.base import AlgorithmModule, Looked, choose


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is read, why each image is not that should have been, and what a reader must know of the choice."""

    images: tuple[tuple[StoredInstance, Looked], ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


def select(
    instances: Sequence[StoredInstance], algorithm: AlgorithmModule, limits: Limits, identity: Identity
) -> Selection:
    """The images of `instances` that the algorithm and its card accept, as far as the algorithm reads so many.

    Localizers are not looked at where there is anything else: they planned the others.
    """
    shown = [stored for stored in instances if not stored.instance.localizer] or instances
    refused = {stored.instance.sop_instance_uid: _why_not(stored, algorithm, limits, identity) for stored in shown}
    choice = choose(algorithm, [stored for stored in shown if refused[stored.instance.sop_instance_uid] is None])
    left_out = [reason for reason in refused.values() if reason is not None]
    return _selection(choice.images, tuple(dict.fromkeys([*left_out, *choice.left_out])), choice.notes)


def again(
    instances: Sequence[StoredInstance], images: Sequence[str], left_out: tuple[str, ...], notes: tuple[str, ...] = ()
) -> Selection:
    """The selection that a kept step was asked on, whatever rules and cards say today."""
    by_uid = {stored.instance.sop_instance_uid: stored for stored in instances}
    return _selection([by_uid[UID(uid)] for uid in images if uid in by_uid], left_out, notes)


def evidence_of(stored: StoredInstance) -> Evidence:
    """The whole image as evidence."""
    return Evidence.of(stored.instance)


def _selection(chosen: Sequence[StoredInstance], left_out: tuple[str, ...], notes: tuple[str, ...]) -> Selection:
    looked = [
        Looked(instance=stored.instance, number=number, of=len(chosen)) for number, stored in enumerate(chosen, 1)
    ]
    return Selection(images=tuple(zip(chosen, looked, strict=True)), left_out=left_out, notes=notes)


def _why_not(stored: StoredInstance, algorithm: AlgorithmModule, limits: Limits, identity: Identity) -> str | None:
    return outside(stored, limits, identity) or algorithm.accepts(stored.instance)


def outside(stored: StoredInstance, limits: Limits, identity: Identity) -> str | None:
    """Why an instance is no image, or outside the card's limits; None if it is one inside."""
    instance = stored.instance
    if not is_image(instance.sop_class_uid):
        return f"{instance.sop_class_uid.name} is not an image"
    return outside_limits(limits, instance, age_years=age_years(identity, instance.attributes))
