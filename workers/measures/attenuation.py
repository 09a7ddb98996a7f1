"""HU statistics of the body on a CT series: what is not air, in numbers that any other tool gives, too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BODY_ABOVE_HU = -300
AIR_BELOW_HU = -320
"""In the lungs, vessels aside."""
EMPHYSEMA_BELOW_HU = -950
LOWEST, HIGHEST = -1024, 3071
"""Of a 12 bit CT scale; what lies beyond counts at its ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attenuation:
    """Of all voxels above -300 HU in a series, in HU."""

    voxels: int
    mean_hu: float
    deviation_hu: float
    tenth_percentile_hu: float
    median_hu: float
    ninetieth_percentile_hu: float


class Histogram:
    """Counts HU values slice by slice, so that a series of any length takes the memory of one slice."""

    def __init__(self) -> None:
        self._counts = np.zeros(HIGHEST - LOWEST + 1, np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count the voxels of one slice; NaN (padding) is not counted."""
        known = np.rint(values[np.isfinite(values)]).clip(LOWEST, HIGHEST).astype(np.int64)
        self._counts += np.bincount(known - LOWEST, minlength=len(self._counts))

    def body(self) -> Attenuation | None:
        """The statistics of what is no air; None where there is nothing else."""
        levels = np.arange(LOWEST, HIGHEST + 1)
        counts = np.where(levels > BODY_ABOVE_HU, self._counts, 0)
        voxels = int(counts.sum())
        if not voxels:
            return None
        mean = float((counts * levels).sum() / voxels)
        variance = float((counts * (levels - mean) ** 2).sum() / voxels)
        tenth, median, ninetieth = (self._percentile(counts, levels, share) for share in (0.1, 0.5, 0.9))
        return Attenuation(
            voxels=voxels,
            mean_hu=mean,
            deviation_hu=float(np.sqrt(variance)),
            tenth_percentile_hu=tenth,
            median_hu=median,
            ninetieth_percentile_hu=ninetieth,
        )

    @staticmethod
    def _percentile(counts: NDArray[np.int64], levels: NDArray[np.int64], share: float) -> float:
        """The lowest level that `share` of the counts do not exceed."""
        return float(levels[np.searchsorted(np.cumsum(counts), share * counts.sum())])
