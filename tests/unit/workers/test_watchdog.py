"""The watchdog bites a worker that hears nothing, and no other."""

from __future__ import annotations

import pytest

from workers import watchdog as module
from workers.watchdog import Watchdog


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_worker_that_hears_its_pulses_is_left_alone(clock: list[float]) -> None:
    dog = Watchdog(children=1, deaf_after_s=90)
    for _ in range(5):
        clock[0] += 60
        with dog.hearing():
            pass
        assert not dog.deaf()


def test_silence_with_a_free_child_is_deafness(clock: list[float]) -> None:
    dog = Watchdog(children=2, deaf_after_s=90)
    with dog.hearing():
        clock[0] += 91
        assert dog.deaf()


def test_a_child_that_works_long_is_not_deaf(clock: list[float]) -> None:
    dog = Watchdog(children=1, deaf_after_s=90)
    with dog.hearing():
        clock[0] += 600
        assert not dog.deaf()


def test_a_child_that_was_killed_at_work_does_not_count_as_busy(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    dog = Watchdog(children=1, deaf_after_s=90)
    dog.hearing().__enter__()
    monkeypatch.setattr(module.psutil, "pid_exists", lambda pid: False)
    clock[0] += 91
    assert dog.deaf()


def test_a_broker_that_is_away_excuses_silence(clock: list[float]) -> None:
    dog = Watchdog(children=1, deaf_after_s=90)
    clock[0] += 91
    dog.excuse()
    assert not dog.deaf()
