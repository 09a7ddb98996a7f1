"""Cards: what a model may read, and what its certainty is worth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.algorithm import Calibration, Limits, Platt, outside_limits
from tests.support.narratives import ct_slice, radiograph

ADULT = Limits(modalities=("CR", "DX", "CT"), views=("PA", "AP"), min_age_years=18, max_slice_thickness_mm=5)


@pytest.mark.parametrize(
    ("attributes", "age", "said"),
    [
        ({"Modality": "MR"}, 40.0, "modality is MR"),
        ({"Modality": ""}, 40.0, "modality is not stated"),
        ({"ViewPosition": "LL"}, 40.0, "view position is LL"),
        ({"ViewPosition": ""}, 40.0, "view position is not stated"),
        ({}, 4.0, "4 years old"),
        ({}, None, "age is not stated"),
    ],
)
def test_a_card_refuses_what_it_was_not_made_for(attributes: dict[str, str], age: float | None, said: str) -> None:
    assert said in (outside_limits(ADULT, radiograph(**attributes), age_years=age) or "")


def test_a_slice_has_no_view_and_a_radiograph_no_thickness() -> None:
    assert outside_limits(ADULT, ct_slice(), age_years=40.0) is None
    assert outside_limits(ADULT, radiograph(), age_years=40.0) is None


@pytest.mark.parametrize(
    ("limits", "attributes", "said"),
    [
        ({"max_slice_thickness_mm": 3}, {}, "slices are 5 mm thick; the model reads up to 3 mm"),
        ({"max_slice_thickness_mm": 3}, {"SliceThickness": ""}, "the slice thickness is not stated"),
        ({"max_slice_thickness_mm": 3}, {"SliceThickness": "thin"}, "the slice thickness is not stated"),
        ({"contrast": "with"}, {}, "no contrast agent is stated"),
        ({"contrast": "with"}, {"ContrastBolusAgent": "NONE"}, "no contrast agent is stated"),
        ({"contrast": "without"}, {"ContrastBolusAgent": "Iohexol"}, "a contrast agent is stated"),
        ({"lateralities": ("R", "L")}, {}, "laterality is not stated; the model reads R, L"),
        ({"lateralities": ("R", "L")}, {"Laterality": "B"}, "laterality is B"),
    ],
)
def test_thickness_contrast_and_side_are_limits_too(
    limits: dict[str, Any], attributes: dict[str, str], said: str
) -> None:
    assert said in (outside_limits(Limits(**limits), ct_slice(**attributes), age_years=None) or "")


@pytest.mark.parametrize(
    ("limits", "attributes"),
    [
        ({"max_slice_thickness_mm": 5}, {}),
        ({"contrast": "with"}, {"ContrastBolusAgent": "Iohexol"}),
        ({"contrast": "without"}, {"ContrastBolusAgent": "none"}),
        ({"lateralities": ("R",)}, {"ImageLaterality": "r", "Laterality": "L"}),
    ],
)
def test_what_is_within_the_limits_is_read(limits: dict[str, Any], attributes: dict[str, str]) -> None:
    assert outside_limits(Limits(**limits), ct_slice(**attributes), age_years=None) is None


def test_the_curve_that_changes_nothing_changes_nothing() -> None:
    assert Platt(1.0, 0.0)(0.8) == pytest.approx(0.8)
    assert Platt(0.5, 0.0)(0.99) == pytest.approx(0.9087, abs=1e-4)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 100), st.floats(-100, 100))
def test_a_calibrated_certainty_is_a_probability_and_never_reverses(
    one: float, other: float, a: float, b: float
) -> None:
    low, high = (Platt(a, b)(raw) for raw in sorted((one, other)))
    assert 0 < low <= high < 1


def test_a_finding_has_its_own_curve_where_it_was_measured() -> None:
    calibration = Calibration(default=Platt(1, 0), findings={"nodule": Platt(0.5, -1)})
    assert calibration.of("nodule") == Platt(0.5, -1)
    assert calibration.of("emphysema") == Platt(1, 0)
