"""Numbers with units in a sentence, and which of them a measurement carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import code
from service.domain.code import Code
from service.domain.quantity import quantities, uncarried
from service.domain.report import Measurement


def measured(value: float, unit: Code = code.MILLIMETER) -> Measurement:
    return Measurement(concept=code.DIAMETER, value=value, unit=unit)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A nodule of 12 mm.", [12.0]), ("A mass of 3 x 4.5 cm.", [30.0, 45.0]), ("Erguss von 1,5 l.", [1500.0]),
        ("Mean density -830 HU.", [-830.0]), ("8 to 10 mm.", [8.0, 10.0]), ("12.3 % below.", [12.3]),
        ("Images 1 and 2 show it.", []), ("At T12 and L4.", []), ("The 5th rib, 2 nodules.", []), ("5 months", []),
    ],
)  # fmt: skip
def test_numbers_with_a_unit_are_quantities(text: str, found: list[float]) -> None:
    assert [one.value for one in quantities(text)] == found


@pytest.mark.parametrize(
    ("text", "known", "lacks"),
    [
        ("A nodule of 12 mm.", [measured(12)], ""),
        ("A nodule of 1.2 cm.", [measured(12.3)], ""),
        ("A nodule of 12 mm.", [measured(13)], "12 mm"),
        ("A nodule of 12 mm.", [measured(12, code.MILLILITER)], "12 mm"),
        ("A nodule of 12 mm.", [], "12 mm"),
        ("Volume 5.2 l.", [measured(5210, code.MILLILITER)], ""),
        ("Density \u2212830 HU.", [measured(-830.2, code.HOUNSFIELD_UNIT)], ""),
        ("No number at all.", [], ""),
    ],
)
def test_a_quantity_is_carried_by_what_was_measured_to_its_digits(
    text: str, known: list[Measurement], lacks: str
) -> None:
    assert uncarried(text, known) == lacks


@given(st.floats(0.01, 9999, allow_nan=False))
def test_what_a_measurement_prints_is_carried_by_it(value: float) -> None:
    one = measured(value)
    assert uncarried(f"It is {one.text} wide.", [one]) == ""


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert uncarried(text, []) in text or uncarried(text, []).replace(" ", "") in text.replace(" ", "")
