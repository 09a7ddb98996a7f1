"""Slices under a mask: which they are, where they lie along their normal, and whether that can be said at all."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import known_instances
from service.domain.geometry import NoStack, Stack, stack
from service.domain.report import Mask
from service.domain.study import Instance


@dataclass(frozen=True, slots=True)
class Slices:
    """The images under a mask, in its order. Built by `slices_of`."""

    images: tuple[Instance, ...]
    stack: Stack | None
    """None for a single image that does not state where it lies."""

    @property
    def placed(self) -> bool:
        """Whether the frames can say where they lie; a slice that has no thickness lies in no volume."""
        return self.stack is not None and self.thickness_mm is not None

    @property
    def spacing_mm(self) -> float | None:
        """The usual distance of neighbours; None for one slice."""
        return self.stack.spacing_mm if self.stack else None

    @property
    def thickness_mm(self) -> float | None:
        """As stated, or as far as neighbours are apart; None where neither is known."""
        return self.images[0].slice_thickness_mm or self.spacing_mm

    @property
    def ranks(self) -> tuple[int, ...]:
        """The rank of each slice along the normal, from 1."""
        order = self.stack.order if self.stack else (0,)
        return tuple(order.index(at) + 1 for at in range(len(self.images)))


def slices_of(mask: Mask, context: EncodingContext) -> Slices:
    """The images under the map. Raises ValueError where they cannot be laid on one another."""
    known = known_instances(context)
    missing = [uid for uid in mask.images if uid not in known]
    if missing:
        raise ValueError(f"{len(missing)} of the images under the mask are not known")
    images = tuple(known[uid] for uid in mask.images)
    try:
        lie = stack([image.plane for image in images])
    except NoStack as why:
        if len(images) == 1:
            return Slices(images, None)
        raise ValueError(f"the images under the mask make no stack: {why}") from why
    if lie.duplicates:
        raise ValueError("several slices under the mask lie in one place")
    return Slices(images, lie)
