"""Acquisition quality of one series: is it whole, does its geometry hold, is its grey scale right?

Every remark is a fact about headers or stored values; none is about the patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from service.domain.geometry import TILTED_DEG, UNEVEN, NoStack, Plane, Stack, stack
from service.ports.pixels import Rescaled

CLIPPED_SHARE = 0.02
"""Share of an image's pixels on the highest storable value from which its grey scale counts as cut off."""
AIR_HU = (-1100.0, -900.0)
"""Where air outside of the body lies on a calibrated scanner (PS3.3 C.11.1: HU of air is -1000)."""
INVERTED_MARGIN = 0.25
"""By how much of the picture's span the border must be brighter than the middle before it looks inverted."""


class Fault(StrEnum):
    """What can be wrong with a series."""

    NO_STACK = "geometry"
    GAP = "missing slices"
    DUPLICATE = "duplicate slices"
    ZONES = "several spacings"
    UNEVEN = "uneven spacing"
    TILT = "tilted gantry"
    NO_SPACING = "no pixel spacing"
    MIXED_SPACING = "several pixel spacings"
    NUMBERS = "missing instance numbers"
    CLIPPED = "grey scale cut off"
    INVERTED = "grey scale inverted"
    CALIBRATION = "HU calibration"
    ATTRIBUTE = "missing attribute"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One fault, as a person would read it, and the images that show it."""

    fault: Fault
    text: str
    images: tuple[str, ...] = ()
    """SOP Instance UIDs; empty where it is the series as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one image tells about the acquisition; its pixels are not kept."""

    source: str
    """SOP Instance UID."""
    modality: str
    plane: Plane
    number: int | None
    clipped: bool
    inverted: bool
    air_hu: float | None
    """The value of air around the body; None where there is none to be seen."""
    stated: frozenset[str]
    """Keywords of the attributes that the header gives a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acquisition:
    """What a series is made of."""

    images: int
    spacing_between_mm: float | None
    """Along the normal; None where it is not one."""
    thickness_mm: float | None
    remarks: tuple[Remark, ...]


NEEDED = {
    "CR": ("ViewPosition", "BodyPartExamined"),
    "DX": ("ViewPosition", "BodyPartExamined"),
    "CT": ("SliceThickness",),
    "MR": ("SliceThickness",),
}
"""Attributes that a reading by a machine cannot do without, by modality."""


def look(frame: Rescaled) -> Look:
    """Look at one image."""
    inverted = frame.modality == "CT" and _inverted(frame)
    return Look(
        source=frame.source,
        modality=frame.modality,
        plane=frame.plane,
        number=frame.number,
        clipped=frame.modality != "CT" and frame.clipped[1] > CLIPPED_SHARE,  # metal is at the top of every CT scale
        inverted=inverted,
        air_hu=None if inverted else _air(frame),
        stated=frame.stated,
    )


def acquisition(frames: Sequence[Look]) -> Acquisition:
    """Judge a series by its images, each one once, in any order."""
    remarks = [*_geometry(frames), *_numbers(frames), *_spacings(frames), *_greys(frames), *_attributes(frames)]
    layers = _stack(frames)
    thickness = {frame.plane.thickness_mm for frame in frames}
    return Acquisition(
        images=len(frames),
        spacing_between_mm=_spacing(layers),
        thickness_mm=thickness.pop() if len(thickness) == 1 else None,
        remarks=tuple(remarks),
    )


def _stack(frames: Sequence[Look]) -> Stack | None:
    try:
        return stack([frame.plane for frame in frames])
    except NoStack:
        return None


def _spacing(layers: Stack | None) -> float | None:
    if layers is None or layers.uneven or len({round(zone.spacing_mm, 2) for zone in layers.zones}) > 1:
        return None
    return layers.spacing_mm


def _geometry(frames: Sequence[Look]) -> list[Remark]:
    """Faults of the stack; a single image or a projection has none."""
    if len(frames) < 2 or frames[0].modality not in {"CT", "MR", "PT"}:
        return []
    try:
        layers = stack([frame.plane for frame in frames])
    except NoStack as reason:
        return [Remark(fault=Fault.NO_STACK, text=f"The images do not make a volume: {reason}.")]
    remarks = []
    for place, count in layers.gaps:
        before = frames[layers.order[place]].source
        text = f"{count} slice{'s are' if count > 1 else ' is'} missing behind slice {place + 1}."
        remarks.append(Remark(fault=Fault.GAP, text=text, images=(before,)))
    if layers.duplicates:
        text = f"{layers.duplicates} of {len(frames)} slices lie where another one already does."
        remarks.append(Remark(fault=Fault.DUPLICATE, text=text))
    for lower, upper in pairwise(layers.zones):
        if abs(upper.spacing_mm - lower.spacing_mm) > UNEVEN * lower.spacing_mm:
            change = f"from {lower.spacing_mm:.2f} to {upper.spacing_mm:.2f} mm behind slice {upper.first + 1}"
            remarks.append(Remark(fault=Fault.ZONES, text=f"The spacing changes {change}."))
    if layers.uneven:
        remarks.append(Remark(fault=Fault.UNEVEN, text="The slices are not evenly spaced."))
    if layers.tilt_deg > TILTED_DEG:
        text = f"The stack is sheared by {layers.tilt_deg:.1f} degrees (tilted gantry)."
        remarks.append(Remark(fault=Fault.TILT, text=text))
    return remarks


def _numbers(frames: Sequence[Look]) -> list[Remark]:
    """Instance Numbers that are left out between the first and the last: images that never came."""
    numbers = sorted({frame.number for frame in frames if frame.number is not None})
    if len(numbers) < 2 or len(numbers) != len(frames):
        return []
    steps = Counter(after - before for before, after in pairwise(numbers))
    usual = steps.most_common(1)[0][0]  # interleaved reconstructions count in twos
    missing = sum(round((after - before) / usual) - 1 for before, after in pairwise(numbers))
    if missing <= 0:
        return []
    return [Remark(fault=Fault.NUMBERS, text=f"{missing} instance number{'s are' if missing > 1 else ' is'} left out.")]


def _spacings(frames: Sequence[Look]) -> list[Remark]:
    without = tuple(frame.source for frame in frames if frame.plane.spacing_mm is None)
    if without:
        text = f"{len(without)} of {len(frames)} images state no pixel spacing: nothing can be measured on them."
        return [Remark(fault=Fault.NO_SPACING, text=text, images=without)]
    if len({frame.plane.spacing_mm for frame in frames}) > 1:
        return [Remark(fault=Fault.MIXED_SPACING, text="The images have several pixel spacings.")]
    return []


def _greys(frames: Sequence[Look]) -> list[Remark]:
    remarks = []
    if cut := tuple(frame.source for frame in frames if frame.clipped):
        share = f"more than {CLIPPED_SHARE:.0%} of their pixels at the top of the grey scale"
        text = f"{len(cut)} of {len(frames)} images have {share}."
        remarks.append(Remark(fault=Fault.CLIPPED, text=text, images=cut))
    if inverted := tuple(frame.source for frame in frames if frame.inverted):
        text = f"{len(inverted)} of {len(frames)} images look inverted: their border is brighter than their middle."
        remarks.append(Remark(fault=Fault.INVERTED, text=text, images=inverted))
    air = [frame.air_hu for frame in frames if frame.air_hu is not None]
    if air and not AIR_HU[0] <= (level := float(np.median(air))) <= AIR_HU[1]:
        text = f"Air around the body measures {level:.0f} HU instead of -1000."
        remarks.append(Remark(fault=Fault.CALIBRATION, text=text))
    return remarks


def _inverted(frame: Rescaled) -> bool:
    """Whether a CT image is brighter around the body than in it: air is dark on a grey scale that is right."""
    values = frame.values
    known = values[np.isfinite(values)]
    if known.size == 0 or known.min() == known.max():
        return False
    rows, columns = values.shape
    middle = np.nanmedian(values[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4])
    border = np.nanmedian(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]))
    return bool(border - middle > INVERTED_MARGIN * (known.max() - known.min()))


def _air(frame: Rescaled) -> float | None:
    """The usual value in the four corners of a CT slice, where nothing but air is; None where they differ."""
    if frame.unit != "HU" or min(frame.values.shape) < 64:
        return None
    side = min(frame.values.shape) // 16
    corners = [
        frame.values[rows, columns]
        for rows in (slice(0, side), slice(-side, None))
        for columns in (slice(0, side), slice(-side, None))
    ]
    levels = [float(np.median(corner)) for corner in corners if np.isfinite(corner).all()]
    # Outside of the reconstruction circle many scanners write one constant, often far below air.
    real = [level for level, corner in zip(levels, corners, strict=False) if float(np.std(corner)) > 0]
    return float(np.median(real)) if len(real) == 4 and max(real) - min(real) < 100 else None


def _attributes(frames: Sequence[Look]) -> list[Remark]:
    remarks = []
    for keyword in NEEDED.get(frames[0].modality, ()) if frames else ():
        without = tuple(frame.source for frame in frames if keyword not in frame.stated)
        if without:
            text = f"{len(without)} of {len(frames)} images do not state {keyword}."
            remarks.append(Remark(fault=Fault.ATTRIBUTE, text=text, images=without))
    return remarks
