"""Planes and stacks: order, gaps, duplicates, tilt, and what is no stack."""

from __future__ import annotations

import math
import random

import pytest

from service.domain.geometry import NoStack, Plane, Vector, stack, volume

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def plane(position: Vector | None, directions: tuple[Vector, Vector] | None = AXIAL) -> Plane:
    along, down = directions or (None, None)
    return Plane(position_mm=position, row_direction=along, column_direction=down, spacing_mm=(0.7, 0.7))


def axial(*heights_mm: float) -> list[Plane]:
    return [plane((-100.0, -80.0, height)) for height in heights_mm]


def test_planes_are_put_in_the_order_of_their_place_whatever_order_they_came_in() -> None:
    heights = [2.5 * number for number in range(20)]
    random.Random(1).shuffle(heights)
    found = stack(axial(*heights))
    assert [heights[index] for index in found.order] == sorted(heights)
    assert found.spacing_mm == pytest.approx(2.5)
    assert (found.gaps, found.duplicates, found.uneven) == ((), 0, False)


def test_missing_slices_are_counted_where_they_are_missing() -> None:
    found = stack(axial(0, 5, 10, 25, 30, 35))
    assert found.gaps == ((2, 2),)
    assert not found.uneven


def test_two_slices_at_one_place_are_duplicates_and_no_spacing() -> None:
    found = stack(axial(0, 5, 5, 10))
    assert (found.duplicates, found.spacing_mm, found.gaps) == (1, 5, ())


def test_a_slice_between_the_others_makes_the_stack_uneven() -> None:
    assert stack(axial(0, 5, 10, 12, 15, 20)).uneven


def test_a_head_that_was_scanned_finely_below_and_coarsely_above_has_two_zones_and_no_gap() -> None:
    found = stack(axial(0, 4, 8, 12, 16, 24, 32, 40, 48))
    assert [(zone.first, zone.behind, zone.spacing_mm) for zone in found.zones] == [(0, 4, 4), (4, 8, 8)]
    assert (found.gaps, found.uneven) == ((), False)


def test_the_step_from_one_zone_to_the_next_may_have_a_length_between_theirs() -> None:
    found = stack(axial(0, 4, 8, 12, 17.5, 24.5, 31.5, 38.5))
    assert (len(found.zones), found.gaps, found.uneven) == (2, (), False)


def test_a_gap_in_a_coarse_zone_is_counted_in_coarse_slices() -> None:
    found = stack(axial(0, 4, 8, 12, 16, 24, 32, 40, 56, 64, 72, 80))
    assert (found.gaps, found.uneven) == (((7, 1),), False)


def test_a_tilted_gantry_is_the_angle_between_normal_and_line_of_positions() -> None:
    tilt = math.radians(18.5)
    directions = ((1.0, 0.0, 0.0), (0.0, math.cos(tilt), math.sin(tilt)))
    found = stack([plane((0.0, 0.0, 5.0 * number), directions) for number in range(10)])
    assert found.tilt_deg == pytest.approx(18.5)
    assert found.spacing_mm == pytest.approx(5 * math.cos(tilt))


def test_an_oblique_stack_along_its_own_normal_is_not_tilted() -> None:
    turn = math.radians(30)
    along, down = (math.cos(turn), math.sin(turn), 0.0), (0.0, 0.0, -1.0)
    normal = (-math.sin(turn), math.cos(turn), 0.0)
    planes = [plane(tuple(4.0 * number * part for part in normal), (along, down)) for number in range(5)]  # type: ignore[arg-type]
    found = stack(planes)
    assert found.tilt_deg == pytest.approx(0, abs=1e-6)
    assert found.spacing_mm == pytest.approx(4)


@pytest.mark.parametrize(
    ("planes", "why"),
    [
        ([], "no images"),
        ([plane(None), *axial(1, 2)], "position"),
        ([plane((0.0, 0.0, 0.0), None), *axial(1, 2)], "orientation"),
        ([plane((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))), *axial(1, 2)], "several orientations"),
        ([plane((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)))], "orientation"),
    ],
)
def test_what_has_no_common_orientation_or_no_positions_is_no_stack(planes: list[Plane], why: str) -> None:
    with pytest.raises(NoStack, match=why):
        stack(planes)


CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))


def test_the_order_is_along_the_normal_of_rows_and_columns() -> None:
    # rows to the left, columns to the feet: the normal (1, 0, 0) x (0, 0, -1) = (0, 1, 0) goes to the back
    assert volume([plane((12.5, depth, 3.0), CORONAL) for depth in (10.0, 0.0, 20.0)]).order == (1, 0, 2)


def test_rounding_of_positions_is_no_gap() -> None:
    assert volume(axial(0, 0.7, 1.41, 2.1)).spacing_mm == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("planes", "why"),
    [
        ([*axial(0, 1), None], "does not state where it lies"),
        (axial(0), "the series is one slice"),
        ([*axial(0, 1), plane((0.0, 0.0, 2.0), CORONAL)], "several orientations"),
        (axial(0, 1, 1, 2), "several slices of the series lie in one place"),
        (axial(0, 1, 2, 4), "not at equal distances"),
        (axial(0, 0, 0), "several slices of the series lie in one place"),
    ],
)
def test_what_is_no_volume_is_refused_with_the_reason(planes: list[Plane | None], why: str) -> None:
    with pytest.raises(NoStack, match=why):
        volume(planes)
