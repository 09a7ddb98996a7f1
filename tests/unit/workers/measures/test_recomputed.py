"""Acquisition and HU evidence of real series and radiographs is that of a computation that shares nothing with ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.measured import Compared, Measurer, real_series

REFUSED = {
    "radiograph/RG3_JPLY.dcm": "Nothing here decodes JPEG Extended",
    "ct_other/I10_2.dcm": "its values are no Hounsfield units",  # a secondary capture of the scanner's
}
"""Why there is less to compare."""


@pytest.fixture(scope="module")
def compared(test_data: Path) -> Iterator[list[Compared]]:
    measurer = Measurer()
    yield [measurer.compared(name, files) for name, files in real_series(test_data)]
    measurer.close()


def test_every_value_is_the_same(compared: list[Compared]) -> None:
    assert {one.name: one.differing for one in compared if one.differing} == {}
    assert len(compared) == 13


def test_what_is_refused_is_refused_for_its_reason(compared: list[Compared]) -> None:
    refused = {one.name: one.refused for one in compared if one.refused}
    assert refused.keys() == REFUSED.keys()
    assert all(why in refused[name] for name, why in REFUSED.items()), refused
