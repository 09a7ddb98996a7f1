"""Both lungs on a chest CT: volume, mean density, and the share below -950 HU, by thresholds and connected regions.

Air inside of the body that does not reach the border of the image, in its largest connected parts, closed over
vessels (SimpleITK). Trachea and main bronchi that are connected count with it. A segmentation by rules, without
learned weights: what it does not find it does not state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from service.domain.errors import Unsupported
from workers.measures.attenuation import AIR_BELOW_HU, EMPHYSEMA_BELOW_HU

CLOSING_MM = 3.0
"""Vessels up to about twice this across are lung."""
SMALLEST_ML = 150.0
"""A connected part of air smaller than this is no lung (bowel, stomach, trachea alone)."""
PLAUSIBLE_ML = (800.0, 10_000.0)
"""Of both lungs of an adult, from expiration after resection to deep inspiration in emphysema."""
CUT_SHARE = 0.02
"""Share of the lungs' voxels on the first or last slice from which they count as cut off by the scan's end."""


class NotMeasured(Unsupported):
    """Nothing is stated about this volume; the text says why, as a person would read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lungs:
    """What was measured, and where."""

    volume_ml: float
    mean_hu: float
    below_950_percent: float
    """LAA-950: share of the voxels below -950 HU."""
    mask: NDArray[np.bool_]
    """(slice, row, column)."""


def lungs(hu: NDArray[np.int16], spacing_mm: tuple[float, float, float]) -> Lungs:
    """Measure the lungs in `hu` (slice, row, column), its spacing in the same order.

    Raises NotMeasured where no lungs of a plausible size are found, or where the scan ends inside of them.
    """
    mask = _lung_mask(hu, spacing_mm)
    voxel_ml = spacing_mm[0] * spacing_mm[1] * spacing_mm[2] / 1000
    volume_ml = float(mask.sum()) * voxel_ml
    if not PLAUSIBLE_ML[0] <= volume_ml <= PLAUSIBLE_ML[1]:
        raise NotMeasured(f"what was found has {volume_ml:.0f} ml, which is not the size of an adult's lungs")
    if max(mask[0].sum(), mask[-1].sum()) > CUT_SHARE * mask.sum():
        raise NotMeasured("the scan ends inside of the lungs")
    inside = hu[mask]
    return Lungs(
        volume_ml=volume_ml,
        mean_hu=float(inside.mean(dtype=np.float64)),
        below_950_percent=100 * float((inside < EMPHYSEMA_BELOW_HU).mean()),
        mask=mask,
    )


def _lung_mask(hu: NDArray[np.int16], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    air = _image(hu < AIR_BELOW_HU, spacing_mm)
    inside = air & ~_around(air)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(inside), minimumObjectSize=_voxels(SMALLEST_ML, spacing_mm))
    closed = _closed(parts > 0)
    mask: NDArray[np.bool_] = sitk.GetArrayFromImage(closed).astype(bool)
    return mask


def _image(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> sitk.Image:
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(tuple(float(step) for step in reversed(spacing_mm)))
    return image


def _around(air: sitk.Image) -> sitk.Image:
    """The air that reaches the border of its slice: outside of the body, in-plane (above and below are not border)."""
    columns, rows, slices = air.GetSize()
    padded = sitk.ConstantPad(air, [1, 1, 0], [1, 1, 0], 1)
    connected = sitk.ConnectedThreshold(padded, seedList=[(0, 0, n) for n in range(slices)], lower=1, upper=1)
    return sitk.RegionOfInterest(connected, [columns, rows, slices], [1, 1, 0])


def _closed(mask: sitk.Image) -> sitk.Image:
    radius = [max(1, round(CLOSING_MM / step)) for step in mask.GetSpacing()]
    return sitk.BinaryMorphologicalClosing(mask, radius, sitk.sitkBall)


def _voxels(volume_ml: float, spacing_mm: tuple[float, float, float]) -> int:
    return max(1, round(volume_ml * 1000 / (spacing_mm[0] * spacing_mm[1] * spacing_mm[2])))
