"""Slices in the order in which they lie, or no volume at all."""

from __future__ import annotations

import pytest
from service.domain.volume import Orientation, Plane, stack

from service.domain.errors import Unsupported

AXIAL: Orientation = (1, 0, 0, 0, 1, 0)
CORONAL: Orientation = (1, 0, 0, 0, 0, -1)


def planes(*depths: float, orientation: Orientation = AXIAL, axis: int = 2) -> list[Plane]:
    def position(depth: float) -> tuple[float, float, float]:
        place = [12.5, -7.0, 3.0]
        place[axis] = depth
        return place[0], place[1], place[2]

    return [Plane(position_mm=position(depth), orientation=orientation) for depth in depths]


def test_slices_are_ordered_by_where_they_lie_and_not_as_they_came() -> None:
    found = stack(planes(5.0, -2.5, 0.0, 2.5))
    assert found.order == (1, 2, 3, 0)
    assert found.spacing_mm == pytest.approx(2.5)


def test_the_order_is_along_the_normal_of_rows_and_columns() -> None:
    # rows to the left, columns to the feet: the normal (1, 0, 0) x (0, 0, -1) = (0, 1, 0) goes to the back
    assert stack(planes(10, 0, 20, orientation=CORONAL, axis=1)).order == (1, 0, 2)


def test_rounding_of_positions_is_no_gap() -> None:
    assert stack(planes(0, 0.7, 1.41, 2.1)).spacing_mm == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([*planes(0, 1), None], "does not state where it lies"),
        (planes(0), "the series is one slice"),
        ([*planes(0, 1), *planes(2, orientation=CORONAL)], "not parallel"),
        (planes(0, 1, 1, 2), "several slices of the series lie in one place"),
        (planes(0, 1, 2, 4), "not at equal distances"),
        (planes(0, 0, 0), "several slices of the series lie in one place"),
    ],
)
def test_what_is_no_volume_is_refused_with_the_reason(given: list[Plane | None], said: str) -> None:
    with pytest.raises(Unsupported, match=said):
        stack(given)
