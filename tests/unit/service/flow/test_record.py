"""A report as it is recorded reads back as the same report."""

from __future__ import annotations

import json

import pytest

from service.domain.errors import Unreadable
from service.flow.record import read_report, report_json
from tests.support.reports import a_report, an_unread_report, two_algorithms_report


@pytest.mark.parametrize("report", [a_report(), an_unread_report(), two_algorithms_report()], ids=str)
def test_what_is_recorded_reads_back_as_it_was(report: object) -> None:
    assert read_report(report_json(report)) == report  # type: ignore[arg-type]


def test_no_report_yet_is_none() -> None:
    assert read_report("") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"outcome": "analysed"}'])
def test_a_text_that_is_no_report_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Unreadable, match="not of the form"):
        read_report(text)


def test_the_first_visible_line_is_recorded_with_it() -> None:
    assert json.loads(report_json(an_unread_report()))["first_line"].startswith("NOT ANALYSED BY AI: ")
