"""The task boundary: no job vanishes, spins, or ends in silence (invariants 9 and 12)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.uid import UID

from service.domain.errors import Misconfigured, Unavailable
from service.domain.job import Job
from service.domain.report import Outcome
from service.domain.rule import Mode, Priority
from service.ports.clock import StoppedClock
from workers import lanes
from workers.pipeline.work import LostLease

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Job(
    job_id="7",
    study_instance_uid=UID("1.2"),
    manifest_version=1,
    identity_version=1,
    protocol="p",
    rule="r",
    config_version=1,
    mode=Mode.LIVE,
    priority=Priority.MEDIUM,
    attempt=1,
    deadline=NOW + timedelta(minutes=10),
)


@dataclass
class MemoryWorking:
    """A fake of the ledger's working part: what became of the job."""

    deferred: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)

    def defer_job(self, job: Job, *, error: str, after: timedelta) -> bool:
        self.deferred.append(error)
        return True

    def abandon_job(self, job: Job, *, reason: str, now: datetime) -> bool:
        self.abandoned.append(reason)
        return True


class House:
    """Services and a pipeline that does what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **ways: Any) -> None:
        self.ledger = MemoryWorking()
        self.recorded: list[tuple[str, str]] = []
        self.services = SimpleNamespace(ledger=self.ledger, clock=StoppedClock(NOW))
        monkeypatch.setattr(lanes, "work", ways.get("work", lambda *_: Outcome.ANALYSED))
        for name in ("partly", "give_up"):
            monkeypatch.setattr(lanes, name, ways.get(name) or self._recorder(name))

    def _recorder(self, name: str) -> Any:
        def record(claim: object, services: object, reason: str) -> Outcome:
            self.recorded.append((name, reason))
            return Outcome.NOT_ANALYSED

        record.__name__ = name
        return record

    def run(self, job: Job = JOB) -> None:
        lanes._work(SimpleNamespace(job=job, signed=None), self.services)  # type: ignore[arg-type]


def failing(error: Exception) -> Any:
    def fail(*_: object) -> Outcome:
        raise error

    fail.__name__ = "failing"
    return fail


@pytest.mark.parametrize("error", [Unavailable("Triton is away"), Misconfigured("the model has no card")])
def test_what_waiting_may_help_is_put_off_until_the_deadline(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, work=failing(error))
    house.run()
    assert house.ledger.deferred == [str(error)]
    house.run(replace(JOB, deadline=NOW + timedelta(seconds=1)))
    assert house.recorded == [("partly", str(error))]
    assert house.ledger.abandoned == []


def test_what_nobody_foresaw_is_tried_a_few_times_and_then_said(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, work=failing(ZeroDivisionError("Doe^Jane")))
    house.run()
    house.run(replace(JOB, attempt=lanes.MAX_FAILURES))
    assert house.ledger.deferred == ["internal error (ZeroDivisionError)"]
    assert house.recorded == [("partly", "internal error (ZeroDivisionError)")]


def test_what_cannot_be_told_in_part_is_told_as_not_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, work=failing(KeyError("x")), partly=failing(KeyError("x")))
    house.run(replace(JOB, attempt=lanes.MAX_FAILURES))
    assert house.recorded == [("give_up", "internal error (KeyError)")]
    assert house.ledger.abandoned == []


def test_only_what_cannot_be_recorded_at_all_is_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = failing(KeyError("x"))
    house = House(monkeypatch, work=broken, partly=broken, give_up=broken)
    house.run(replace(JOB, attempt=lanes.MAX_FAILURES))
    assert house.ledger.abandoned == ["internal error (KeyError)"]


def test_a_lost_lease_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, work=failing(LostLease("7")))
    house.run()
    assert (house.ledger.deferred, house.ledger.abandoned, house.recorded) == ([], [], [])
