"""Lungs of known size: ellipsoids in a body of water, with uneven voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.measures.lungs import NotMeasured, lungs

SPACING_MM = (5.0, 1.6, 1.4)
SHAPE = (70, 200, 260)
LUNG_HALF_MM = (120.0, 80.0, 55.0)
LUNG_AT_MM = 85.0
TRUE_ML = 2 * 4 / 3 * math.pi * math.prod(LUNG_HALF_MM) / 1000


def ellipsoid(centre_mm: tuple[float, float, float], half_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    axes = [
        (np.arange(count) - (count - 1) / 2) * step - centre
        for count, step, centre in zip(SHAPE, SPACING_MM, centre_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside: NDArray[np.bool_] = (z / half_mm[0]) ** 2 + (y / half_mm[1]) ** 2 + (x / half_mm[2]) ** 2 < 1
    return inside


def chest(lung_hu: int = -850, upwards_mm: float = 0.0) -> NDArray[np.int16]:
    """A body of water in air, with two lungs; `upwards_mm` moves them against the scan."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[ellipsoid((0, 0, 0), (1e6, 130.0, 160.0))] = 40
    for side in (-1, 1):
        hu[ellipsoid((upwards_mm, 0, side * LUNG_AT_MM), LUNG_HALF_MM)] = lung_hu
    return hu


def test_the_volume_of_ellipsoids_is_right_within_two_percent_and_their_density_within_one_hu() -> None:
    found = lungs(chest(), SPACING_MM)
    assert found.volume_ml == pytest.approx(TRUE_ML, rel=0.02)
    assert found.mean_hu == pytest.approx(-850, abs=1)
    assert found.below_950_percent == 0


def test_the_share_below_950_is_the_share_that_was_put_there() -> None:
    hu = chest()
    hole = ellipsoid((0, 0, LUNG_AT_MM), (60.0, 40.0, 27.5))  # an eighth of one lung
    hu[hole] = -980
    assert lungs(hu, SPACING_MM).below_950_percent == pytest.approx(100 / 16, abs=0.2)


def test_vessels_are_lung_and_the_air_around_the_body_is_not() -> None:
    hu = chest()
    hu[:, :, 180:183][hu[:, :, 180:183] == -850] = 30  # a sheet of 4 mm
    found = lungs(hu, SPACING_MM)
    assert found.volume_ml == pytest.approx(TRUE_ML, rel=0.03)
    assert not found.mask[:, 0, 0].any()


def test_a_scan_that_ends_inside_of_the_lungs_gives_no_volume() -> None:
    with pytest.raises(NotMeasured, match="ends inside"):
        lungs(chest(upwards_mm=150.0), SPACING_MM)


def test_a_body_without_lungs_gives_nothing() -> None:
    with pytest.raises(NotMeasured, match="not the size"):
        lungs(chest(lung_hu=40), SPACING_MM)


def test_air_alone_gives_nothing() -> None:
    with pytest.raises(NotMeasured, match="not the size"):
        lungs(np.full((4, 64, 64), -1000, np.int16), SPACING_MM)
