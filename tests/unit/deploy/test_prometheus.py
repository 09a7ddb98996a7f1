"""Alerts ask for metrics and labels that the pages really expose."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.lane import READ, deliver_lane, forward_lane
from service.ports.catalogue import LaneDepth, StageTimes
from service.ports.ledger import Beat
from service.ports.models import ServerState
from service.web.metrics import exposition
from service.web.nodewatch import NodeState
from service.web.pulse import Vitals
from tests.unit.deploy.repository import DEPLOY, read_yaml

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = DEPLOY / "prometheus"
SELECTOR = re.compile(r"(preread_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|=)"([^"]*)"')


def samples() -> dict[str, list[dict[str, str]]]:
    """Label sets by metric, of an installation in which everything has happened."""
    lanes = [READ, deliver_lane("pacs"), forward_lane("research")]
    counts = {
        "studies": 1, "instances": 1, "objects": 1, "conflicts": 1, "studies in attention": 1,
        **{f"job {state.value}": 1 for state in JobState},
        **{f"delivery {state.value}": 1 for state in DeliveryState},
    }  # fmt: skip
    vitals = Vitals(
        at=NOW,
        server=ServerState(ready=True, engine="Triton"),
        broker=True,
        disk_free=1,
        disk_reserve=1,
        disk_room=True,
        migrated=True,
        lanes=tuple(
            LaneDepth(lane=lane, waiting=1, working=0, retrying=0, oldest=NOW - timedelta(1)) for lane in lanes
        ),
        stages=(StageTimes(stage="read", count=1, p50_s=1, p95_s=2),),
        counts=tuple(counts.items()),
        beats=tuple(Beat(process=name, host="here", pid=1, at=NOW) for name in ("web", "worker-read")),
        nodes=(NodeState(name="pacs", url="dicom://PACS@here:104", state="up"),),
        config_version=1,
    )
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(exposition(vitals).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


def rules() -> list[dict[str, object]]:
    [group] = read_yaml(FOLDER / "alerts.yml")["groups"]
    found: list[dict[str, object]] = group["rules"]
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_can_fire(rule: dict[str, object]) -> None:
    known = samples()
    asked = SELECTOR.findall(str(rule["expr"]))
    assert asked or 'up{job="preread"}' in str(rule["expr"])
    for metric, selector in asked:
        assert metric in known, metric
        for label, how, wanted in MATCHER.findall(selector):
            pattern = re.escape(wanted) if how == "=" else wanted
            fits = [re.fullmatch(pattern, labels.get(label, "")) is not None for labels in known[metric]]
            assert (how != "!~") in fits, (metric, label)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_sentence_names_only_labels_that_the_metric_has(rule: dict[str, object]) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    has = {label for metric, _ in SELECTOR.findall(str(rule["expr"])) for row in samples()[metric] for label in row}
    assert named <= has


def test_the_alerts_watch_lanes_server_disk_and_refusals() -> None:
    asked = " ".join(str(rule["expr"]) for rule in rules())
    for metric in (
        "preread_lane_oldest_seconds", "preread_model_server_up", "preread_disk_above_reserve", "preread_deliveries",
        "preread_ledger_up", "preread_node_up", "preread_process_silent_seconds",
    ):  # fmt: skip
        assert metric in asked


def test_the_scrape_configuration_loads_the_alerts_beside_it_and_shows_a_token() -> None:
    found = read_yaml(FOLDER / "prometheus.yml")
    assert all((FOLDER / name).is_file() for name in found["rule_files"])
    [scrape] = found["scrape_configs"]
    assert scrape["job_name"] == "preread"
    assert scrape["metrics_path"] == "/metrics"
    assert scrape["authorization"]["credentials_file"]
