"""Metrics for Prometheus: how much, how old, how long; never whose, and no label grows with the studies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.web.pulse import Vitals

_BY_STATE = {"job": "preread_jobs", "delivery": "preread_deliveries"}


def exposition(vitals: Vitals) -> bytes:
    """The vitals in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Vitals(vitals))
    return generate_latest(registry)


class _Vitals(Collector):
    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        vitals = self._vitals
        yield _gauge("preread_ledger_up", "Whether the ledger could be read.", not vitals.ledger)
        yield _gauge("preread_broker_up", "Whether the broker answers.", vitals.broker)
        yield _gauge("preread_model_server_up", "Whether the model server is ready.", vitals.server.ready)
        yield _gauge("preread_disk_free_bytes", "Free on the spool's volume.", vitals.disk_free)
        yield _gauge("preread_disk_reserve_bytes", "Below this new studies are refused.", vitals.disk_reserve)
        yield _gauge("preread_disk_above_reserve", "Whether new studies are accepted.", vitals.disk_room)
        yield _gauge("preread_studies_arriving", "Studies with images that no manifest holds yet.", vitals.arriving)
        yield _gauge("preread_configuration_version", "The active configuration.", vitals.config_version or 0)
        yield from _lanes(vitals)
        yield from _counts(vitals.counts)
        yield _stages(vitals)
        yield _nodes(vitals)
        yield _beats(vitals)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _lanes(vitals: Vitals) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("preread_lane_waiting", "Rows that wait.", labels=["lane"])
    working = GaugeMetricFamily("preread_lane_working", "Rows that a process holds.", labels=["lane"])
    retrying = GaugeMetricFamily("preread_lane_retrying", "Waiting rows that failed before.", labels=["lane"])
    oldest = GaugeMetricFamily("preread_lane_oldest_seconds", "Age of the oldest waiting row.", labels=["lane"])
    for lane in vitals.lanes:
        waiting.add_metric([lane.lane], lane.waiting)
        working.add_metric([lane.lane], lane.working)
        retrying.add_metric([lane.lane], lane.retrying)
        age = (vitals.at - lane.oldest).total_seconds() if lane.oldest else 0.0
        oldest.add_metric([lane.lane], max(0.0, age))
    yield from (waiting, working, retrying, oldest)


def _counts(counts: Iterable[tuple[str, int]]) -> Iterator[Metric]:
    families = {
        word: GaugeMetricFamily(name, f"Rows of kind {word} by state.", labels=["state"])
        for word, name in _BY_STATE.items()
    }
    for key, value in counts:
        word, _, state = key.partition(" ")
        if state and word in families:
            families[word].add_metric([state], value)
        else:
            yield _gauge(f"preread_{key.replace(' ', '_')}", f"All {key} in the ledger.", value)
    yield from families.values()


def _stages(vitals: Vitals) -> Metric:
    family = GaugeMetricFamily("preread_stage_seconds", "Time per stage, last hour.", labels=["stage", "quantile"])
    for stage in vitals.stages:
        family.add_metric([stage.stage, "0.5"], stage.p50_s)
        family.add_metric([stage.stage, "0.95"], stage.p95_s)
    return family


def _nodes(vitals: Vitals) -> Metric:
    family = GaugeMetricFamily("preread_node_up", "Whether a destination answered last time.", labels=["node"])
    for node in vitals.nodes:
        if node.state != "unknown":
            family.add_metric([node.name], float(node.state == "up"))
    return family


def _beats(vitals: Vitals) -> Metric:
    family = GaugeMetricFamily("preread_process_silent_seconds", "Since a process beat.", labels=["process", "host"])
    for beat in vitals.beats:
        family.add_metric([beat.process, beat.host], (vitals.at - beat.at).total_seconds())
    return family
