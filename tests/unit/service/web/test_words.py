"""Values as a page shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryState
from service.domain.errors import Unreadable
from service.domain.job import JobState
from service.flow.record import read_report, report_json
from service.flow.words import count, span
from service.web import words
from service.web.gantt import WIDTH, bars
from service.web.search import STATES
from tests.support.fake_house import NOW
from tests.support.web_records import draft
from tests.support.web_scene import done, reading, receiving, refused


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.42, "0.4 s"), (3, "3 s"), (59, "59 s"), (200, "3 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min"),
     (273_600, "3 d 4 h")],
)  # fmt: skip
def test_a_span_has_at_most_two_units(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("pn", "text"),
    [("Doe^Jane^^Dr", "Doe, Jane (Dr)"),
     ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎, やまだ たろう)"),
     ("=山田^太郎", "山田 太郎"),
     ("", ""), ("^", ""),
     ("Single", "Single"), ("A^B^C^D^E^F", "A, B C (D E)")],
)  # fmt: skip
def test_a_person_name_reads_as_people_write_it(pn: str, text: str) -> None:
    assert words.name(pn) == text


SIZES = [(0, "0 B"), (999, "999 B"), (14_200, "14.2 kB"), (412 * 10**9, "412 GB"), (5 * 10**15, "5000 TB")]


@pytest.mark.parametrize(("number", "text"), SIZES)
def test_bytes_have_one_to_three_digits(number: int, text: str) -> None:
    assert words.size(number) == text


def test_a_date_is_shown_as_iso_and_nonsense_as_it_is() -> None:
    assert words.day("20260304") == "2026-03-04"
    assert words.day("04.03.26") == "04.03.26"


def test_a_time_of_another_day_names_the_day() -> None:
    assert "2026-03-03 10:30:00" in words.local(NOW - timedelta(days=1), ZoneInfo("Europe/Berlin"), NOW)
    assert words.local(None, ZoneInfo("Europe/Berlin"), NOW) == ""


def test_a_number_agrees_with_its_noun() -> None:
    assert (count(1, "delivery", "deliveries"), count(2, "delivery", "deliveries")) == ("1 delivery", "2 deliveries")


def test_every_state_has_a_shape_and_no_two_tones_share_one() -> None:
    shapes: dict[str, set[str]] = {}
    for state in (*STATES, *JobState, *DeliveryState, "up", "down"):
        mark = words.mark(state)
        shapes.setdefault(mark.tone, set()).add(mark.shape)
    assert shapes["ok"].isdisjoint(shapes["bad"] | shapes["warn"] | shapes["wait"] | shapes["idle"])
    assert shapes["bad"].isdisjoint(shapes["warn"])
    assert {state for state, _ in DELIVERY_TRANSITIONS} <= set(DeliveryState)


class TestGantt:
    def test_stages_follow_each_other_on_one_axis(self) -> None:
        drawn = bars(done(), now=NOW)
        assert [bar.stage for bar in drawn] == [
            "arriving", "until complete", "waiting: chest-radiograph", "reading: chest-radiograph", "to PACS"
        ]  # fmt: skip
        assert [bar.left for bar in drawn] == sorted(bar.left for bar in drawn)
        assert all(bar.left >= 0 and bar.left + bar.width <= WIDTH + 0.1 for bar in drawn)

    def test_a_stage_that_lasts_reaches_until_now(self) -> None:
        last = bars(reading(), now=NOW)[-1]
        assert (last.kind, last.ended) == ("now", None)
        assert last.left + last.width == pytest.approx(WIDTH, abs=0.2)

    def test_a_delivery_that_a_person_has_to_look_at_is_not_running(self) -> None:
        assert bars(refused(), now=NOW)[-1].kind == "stuck"

    def test_a_study_of_one_instant_can_be_drawn(self) -> None:
        row = replace(receiving().row, received_first=NOW, received_last=NOW)
        assert len(bars(replace(receiving(), row=row), now=NOW)) == 1


def test_a_report_reads_back_as_it_was_recorded() -> None:
    assert read_report(report_json(draft(3))) == draft(3)


def test_a_report_of_another_form_is_unreadable_and_none_is_none() -> None:
    assert read_report("") is None
    with pytest.raises(Unreadable, match="not of the form"):
        read_report("[1, 2")
