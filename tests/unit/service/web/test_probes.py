"""Alive, ready, measured: what load balancers and Prometheus are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count as count_from

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.domain.account import Role
from service.web.nodewatch import NodeWatch
from service.web.pulse import Pulse
from tests.support.fake_house import House
from tests.support.web_client import bearer, client
from tests.support.web_scene import hospital


def ready(house: House, *roles: Role) -> tuple[int, dict[str, object]]:
    headers = bearer(house, *roles) if roles else {}
    answer = client(house).get("/readyz", headers=headers)
    return answer.status_code, answer.json()


def test_a_stranger_hears_one_word() -> None:
    assert ready(hospital()) == (200, {"status": "ready"})


def test_without_model_server_or_broker_it_is_degraded_but_ready() -> None:
    house = hospital()
    house.broker = False
    assert ready(house) == (200, {"status": "degraded"})
    house = hospital()
    house.models.server = replace(house.models.server, ready=False)
    assert ready(house) == (200, {"status": "degraded"})


def test_without_ledger_tables_or_room_it_is_not_ready() -> None:
    for break_it in ("ledger", "tables", "room"):
        house = hospital()
        house.ledger.away = break_it == "ledger"
        house.migrated = break_it != "tables"
        house.disk.room = break_it != "room"
        assert ready(house) == (503, {"status": "not ready"})


def test_those_who_signed_in_hear_why() -> None:
    house = hospital()
    house.ledger.away = True
    status, body = ready(house, Role.VIEWER)
    assert status == 503
    assert body["ledger"] == "the database is locked"
    assert "The ledger cannot be read: the database is locked." in body["concerns"]  # type: ignore[operator]


def test_health_of_the_api_is_the_same_in_parts() -> None:
    house = hospital()
    body = client(house).get("/api/health", headers=bearer(house, Role.VIEWER)).json()
    assert body["status"] == "ready"
    assert body["model_server"]["engine"] == "Triton 2.51.0"
    assert body["model_server"]["models"][0]["execution_provider"] == "CPUExecutionProvider"


def samples(house: House) -> dict[tuple[str, ...], float]:
    text = client(house).get("/metrics", headers=bearer(house, Role.VIEWER)).text
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_metrics_say_how_much_how_old_and_how_long() -> None:
    found = samples(hospital())
    assert found["preread_lane_waiting", "read"] == 4
    assert found["preread_lane_oldest_seconds", "read"] == 38
    assert found["preread_jobs", "COMPLETED"] == 4
    assert found["preread_deliveries", "REFUSED"] == 1
    assert found["preread_studies",] == 8
    assert found["preread_stage_seconds", "0.95", "read"] == 11.9
    assert found["preread_model_server_up",] == 1


def test_metrics_without_a_ledger_say_that() -> None:
    house = hospital()
    house.ledger.away = True
    found = samples(house)
    assert found["preread_ledger_up",] == 0
    assert found["preread_disk_free_bytes",] == 412e9


def test_many_who_look_cost_one_look_a_second() -> None:
    house = hospital()
    services = house.services()
    pulse = Pulse(services, NodeWatch(house.nodes, house.configurations, house.catalogue, house.clock))
    first = pulse.read()
    assert pulse.read() is first
    house.clock.at += timedelta(seconds=1)
    second = pulse.read()
    assert second is not first
    pulse.forget()
    assert pulse.read() is not second


def test_a_clock_that_jumps_back_does_not_freeze_the_view() -> None:
    house = hospital()
    pulse = Pulse(house.services(), NodeWatch(house.nodes, house.configurations, house.catalogue, house.clock))
    first = pulse.read()
    house.clock.at -= timedelta(hours=1)
    assert pulse.read() is not first


def test_destinations_are_verified_and_remembered_until_they_change() -> None:
    house = hospital()
    watch = NodeWatch(house.nodes, house.configurations, house.catalogue, house.clock)
    assert {state.state for state in watch.states()} == {"unknown"}
    for name in ("PACS", "RESEARCH", "NOBODY"):
        watch.ask(name)
    assert {state.name: state.state for state in watch.states()} == {"PACS": "up", "RESEARCH": "down"}
    active = house.configurations.versions[-1]
    moved = replace(active.configuration.destinations[0], url="dicom://PACS@10.1.0.6:104")
    house.configurations.versions.append(
        replace(active, number=8, configuration=replace(active.configuration, destinations=(moved,)))
    )
    assert [state.state for state in watch.states()] == ["unknown"]


def test_the_api_describes_itself_to_those_who_may_use_it() -> None:
    house = hospital()
    described = client(house).get("/api/openapi.json", headers=bearer(house, Role.VIEWER)).json()
    assert "/api/studies/{study_uid}" in described["paths"]
    assert all(path.startswith("/api/") for path in described["paths"])
    assert described["paths"]["/api/jobs/{job_id}/rerun"]["post"]["x-roles"] == ["operator"]
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("took_s", "age_s", "again"), [(0.0, 2, True), (0.5, 24, False), (0.5, 26, True), (9, 61, True)]
)
def test_totals_that_take_long_to_count_are_counted_seldom(took_s: float, age_s: int, again: bool) -> None:
    house = hospital()
    counted: list[float] = []
    told, ticks = house.catalogue.counts, count_from(0.0, took_s)

    def counts() -> dict[str, int]:
        counted.append(took_s)
        return told()

    house.catalogue.counts = counts  # type: ignore[method-assign]
    watch = NodeWatch(house.nodes, house.configurations, house.catalogue, house.clock)
    pulse = Pulse(house.services(), watch, stopwatch=lambda: next(ticks))
    pulse.read()
    house.catalogue.records = house.catalogue.records[:1]
    house.clock.at += timedelta(seconds=age_s)
    seen = dict(pulse.read().counts)
    assert len(counted) == 1 + again
    assert seen["studies"] == (1 if again else 8)
    assert seen["studies in attention"] == 0, "that is as fresh as the rest"
