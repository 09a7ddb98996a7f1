"""The benches' arithmetic, and one small round of what they run on; figures are no test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.blast import blast, ct
from tests.bench.rounds import Measured, against, interleaved
from tests.support.receiving import RecordingLedger, scp_for


def test_contenders_take_turns_and_warm_rounds_do_not_count() -> None:
    order: list[str] = []
    figures = iter(range(100))

    def contender(name: str) -> float:
        order.append(name)
        return float(next(figures))

    measured = interleaved({"a": lambda: contender("a"), "b": lambda: contender("b")}, 3, warm=1)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert measured.figures == {"a": (3.0, 4.0, 7.0), "b": (2.0, 5.0, 6.0)}


def test_a_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians() -> None:
    measured = Measured({"ours": (10.0, 200.0, 30.0), "theirs": (20.0, 100.0, 60.0)})
    assert measured.ratio("ours", "theirs") == 0.5
    assert measured.spread("ours", "theirs") == (0.5, 2.0)


@pytest.mark.parametrize(
    ("target", "least", "word"), [(0.5, True, "met"), (0.6, True, "MISSED"), (0.4, False, "MISSED")]
)
def test_a_line_says_whether_the_target_is_met(target: float, least: bool, word: str) -> None:
    measured = Measured({"ours": (1.0,), "theirs": (2.0,)})
    assert against(measured, "ours", "theirs", target, unit="s", least=least).endswith(word)


def test_of_times_the_smaller_is_the_faster() -> None:
    measured = Measured({"ours": (1.0,), "theirs": (2.0,)})
    assert "times as fast 2.00" in against(measured, "ours", "theirs", 2, unit="ms", faster=True)


@pytest.mark.dicom
@pytest.mark.parametrize("associations", [1, 2])
def test_what_the_blast_sends_is_stored_object_for_object(tmp_path: Path, associations: int) -> None:
    objects, ledger = ct(6, side=140), RecordingLedger()
    with scp_for(tmp_path, ledger) as scp:
        assert blast(scp.port, objects, associations) > 0
    assert len(ledger.known) == objects.count


def test_no_round_is_begun_that_would_not_end_in_time_but_one_always_counts() -> None:
    said: list[str] = []
    measured = interleaved({"one": lambda: 2.0}, 9, warm=0, within_s=0.0, say=said.append)
    assert measured.figures == {"one": (2.0,)}
    assert said == ["round 1 of 9, one: 2"]
