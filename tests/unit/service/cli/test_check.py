"""`preread check` and `preread doctor`: a line, an exit code, a remedy."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from service.cli import probes
from service.cli.probes import PROCESSES, Level
from service.ports.ledger import Beat
from service.ports.services import Services
from tests.unit.service.cli.conftest import Preread


def beat(services: Services, *names: str, ago: timedelta = timedelta()) -> None:
    for name in names:
        services.ledger.beat(Beat(process=name, host="h", pid=1, at=services.clock.now() - ago))


def test_check_is_critical_and_makes_nothing_where_nothing_lies(preread: Preread, data: Path) -> None:
    said = preread("check")
    assert said.code == 2
    assert said.out.startswith("PREREAD CRITICAL - ")
    assert said.out.count("\n") == 1
    assert not data.exists()


def test_check_names_the_processes_that_do_not_run(preread: Preread, services: Services) -> None:
    beat(services, "scp", "sweep", "web")
    said = preread("check")
    assert said.code == 2
    assert "processes: not running: worker-deliver, worker-read" in said.out
    assert said.out.count("\n") == 1


def test_five_fresh_beats_are_five_processes(services: Services) -> None:
    beat(services, *PROCESSES)
    assert probes.processes(services).level is Level.OK
    beat(services, "web", ago=timedelta(minutes=2))
    assert probes.processes(services).text == "not running: web"


def test_a_worker_that_only_reads_and_hears_no_pulse_is_alive(services: Services, study: str) -> None:
    beat(services, "scp", "sweep", "web", "worker-deliver")
    assert probes.processes(services).level is Level.CRITICAL
    assert services.ledger.claim_job("worker-read@h:1", lease=timedelta(minutes=1))
    assert probes.processes(services).level is Level.OK


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
