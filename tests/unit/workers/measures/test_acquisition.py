"""What is said about a series' acquisition, and that nothing is said of one that is right."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from service.domain.geometry import Plane
from service.ports.pixels import Rescaled
from workers.measures.acquisition import Fault, Look, acquisition, look


def frame(number: int, *, height_mm: float | None = None, air: float = -1000.0, seed: int = 0) -> Rescaled:
    """A CT slice: a round body of water in noisy air."""
    rows = np.arange(128)
    body = (rows[:, None] - 64) ** 2 + (rows[None, :] - 64) ** 2 < 40**2
    noise = np.random.default_rng((seed, number)).normal(0, 10, (128, 128))
    return Rescaled(
        values=(np.where(body, 40.0, air) + noise).astype(np.float32),
        plane=Plane(
            position_mm=(0.0, 0.0, 5.0 * number if height_mm is None else height_mm),
            row_direction=(1.0, 0.0, 0.0),
            column_direction=(0.0, 1.0, 0.0),
            spacing_mm=(0.8, 0.8),
            thickness_mm=5.0,
        ),
        modality="CT",
        source=f"1.2.{number}",
        number=number,
        unit="HU",
        stated=frozenset({"SliceThickness"}),
    )


def series(count: int = 10) -> list[Look]:
    return [look(frame(number)) for number in range(1, count + 1)]


def faults(looks: list[Look]) -> list[Fault]:
    return [remark.fault for remark in acquisition(looks).remarks]


def test_a_whole_series_is_measured_and_gets_no_remark() -> None:
    found = acquisition(series())
    assert (found.images, found.spacing_between_mm, found.thickness_mm, found.remarks) == (10, 5.0, 5.0, ())


def test_a_slice_that_never_came_is_missed_by_place_and_by_number() -> None:
    looks = series()
    del looks[4]
    (gap, numbers) = acquisition(looks).remarks
    assert (gap.fault, gap.images, gap.text) == (Fault.GAP, ("1.2.4",), "1 slice is missing behind slice 4.")
    assert (numbers.fault, numbers.text) == (Fault.NUMBERS, "1 instance number is left out.")


def test_instance_numbers_that_count_in_twos_are_not_left_out() -> None:
    assert faults([replace(one, number=2 * (one.number or 0)) for one in series()]) == []


def test_a_slice_at_anothers_place_is_a_duplicate() -> None:
    assert faults([*series(), look(frame(11, height_mm=25.0))]) == [Fault.DUPLICATE]


def test_images_without_position_make_no_volume() -> None:
    looks = series()
    looks[3] = replace(looks[3], plane=replace(looks[3].plane, position_mm=None))
    assert faults(looks) == [Fault.NO_STACK]


def test_images_without_or_with_several_spacings_are_named() -> None:
    looks = series()
    looks[0] = replace(looks[0], plane=replace(looks[0].plane, spacing_mm=None))
    (remark,) = acquisition(looks).remarks
    assert (remark.fault, remark.images) == (Fault.NO_SPACING, ("1.2.1",))
    looks[0] = replace(looks[0], plane=replace(looks[0].plane, spacing_mm=(0.5, 0.5)))
    assert faults(looks) == [Fault.MIXED_SPACING]


def test_a_scanner_whose_air_is_not_air_is_named_with_its_value() -> None:
    looks = [look(frame(number, air=-800.0)) for number in range(1, 6)]
    (remark,) = acquisition(looks).remarks
    assert remark.fault is Fault.CALIBRATION
    assert re.fullmatch(r"Air around the body measures -(79|80)\d HU instead of -1000\.", remark.text)


def test_a_constant_outside_of_the_reconstruction_circle_is_not_taken_for_air() -> None:
    one = frame(1)
    values = one.values.copy()
    for corner in ((slice(0, 16), slice(0, 16)), (slice(-16, None), slice(-16, None))):
        values[corner] = -3024
    assert look(replace(one, values=values)).air_hu is None


def test_an_inverted_ct_slice_looks_inverted_and_its_air_is_not_judged() -> None:
    one = frame(1)
    (remark,) = acquisition([look(replace(one, values=-one.values))]).remarks
    assert remark.fault is Fault.INVERTED


def test_a_radiograph_with_a_cut_off_grey_scale_and_without_its_view_is_named() -> None:
    one = replace(frame(1), modality="DX", clipped=(0.0, 0.3), unit="", stated=frozenset({"BodyPartExamined"}))
    assert faults([look(one)]) == [Fault.CLIPPED, Fault.ATTRIBUTE]


@pytest.mark.parametrize("count", [1, 2])
def test_a_series_of_one_or_two_images_is_judged_too(count: int) -> None:
    assert acquisition(series(count)).images == count
