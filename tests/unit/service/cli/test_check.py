"""`preread check` and `preread doctor`: a line, an exit code, a remedy."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from service.cli import probes
from service.cli.probes import PROCESSES, Level, Probe
from service.cli.processes.lifetime import beating
from service.ports.catalogue import LaneDepth
from service.ports.ledger import Beat
from service.ports.services import Services
from tests.unit.service.cli.conftest import Preread


def beat(services: Services, *names: str, ago: timedelta = timedelta()) -> None:
    for name in names:
        services.ledger.beat(Beat(process=name, host=socket.gethostname(), pid=1, at=services.clock.now() - ago))


def processes(services: Services, *, broker: Level = Level.OK) -> Probe:
    return probes.processes(services, broker=broker)


def test_check_is_critical_and_makes_nothing_where_nothing_lies(preread: Preread, data: Path) -> None:
    said = preread("check")
    assert said.code == 2
    assert said.out.startswith("PREREAD CRITICAL - ")
    assert said.out.count("\n") == 1
    assert not data.exists()


def test_check_names_the_processes_that_do_not_run(preread: Preread, services: Services) -> None:
    beat(services, "sweep", "web")
    said = preread("check")
    assert said.code == 2
    assert "processes: not running: scp; silent because the broker is away: worker-deliver, worker-read" in said.out
    assert said.out.count("\n") == 1


def test_five_fresh_beats_are_five_processes(services: Services) -> None:
    beat(services, *PROCESSES)
    assert processes(services).level is Level.OK
    beat(services, "web", ago=timedelta(minutes=2))
    assert processes(services).text == "not running: web"


def test_workers_are_not_called_dead_while_nobody_could_hear_them(services: Services) -> None:
    beat(services, "scp", "sweep", "web")
    assert processes(services).text == "not running: worker-deliver, worker-read"
    found = processes(services, broker=Level.WARNING)
    assert (found.level, found.text) == (
        Level.WARNING,
        "silent because the broker is away: worker-deliver, worker-read",
    )


def test_an_orderly_end_is_known_at_once(services: Services) -> None:
    beat(services, *PROCESSES)
    beating(services, "scp").start().stop()
    assert processes(services).text == "not running: scp"


def test_what_failed_once_is_no_warning_until_it_is_late(services: Services) -> None:
    def waiting(minutes: int) -> Services:
        oldest = services.clock.now() - timedelta(minutes=minutes)
        depth = LaneDepth(lane="deliver:archive", waiting=3, working=0, retrying=2, oldest=oldest)
        return replace(services, catalogue=Depths(depth))  # type: ignore[arg-type]

    soon, late = probes.lanes(waiting(14)), probes.lanes(waiting(16))
    assert (soon.level, soon.text) == (Level.OK, "nothing waits long; tried again: 2 in deliver:archive")
    assert late.level is Level.WARNING
    assert late.text.endswith("(Europe/Berlin), 2 of them failed and are tried again")


@dataclass(frozen=True)
class Depths:
    """A catalogue of one lane."""

    depth: LaneDepth

    def depths(self) -> Sequence[LaneDepth]:
        return [self.depth]


def test_a_worker_that_only_reads_and_hears_no_pulse_is_alive(services: Services, study: str) -> None:
    beat(services, "scp", "sweep", "web", "worker-deliver")
    assert processes(services).level is Level.CRITICAL
    assert services.ledger.claim_job("worker-read@h:1", lease=timedelta(minutes=1))
    assert processes(services).level is Level.OK


def test_doctor_gives_a_remedy_for_everything_that_is_not_well(preread: Preread, services: Services) -> None:
    said = preread("doctor", "--json")
    assert said.code == 1
    lines = {line["what"]: line for line in map(json.loads, said.out.splitlines())}
    assert lines["ledger"]["state"] == "ok"
    assert lines["broker"]["state"] == "warning"
    assert lines["models"]["state"] == "critical"
    assert lines["processes"]["remedy"] == "preread up"
    assert [what for what, line in lines.items() if line["state"] == "critical" and not line["remedy"]] == []


def test_doctor_looks_at_a_machine_without_an_installation(preread: Preread, data: Path) -> None:
    said = preread("doctor")
    assert said.code == 1
    assert "there is no installation in" in said.out
    assert not data.exists()
