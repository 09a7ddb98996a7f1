"""Forwarder: nothing that one batch meets ends forwarding, and no lane of originals is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.forwarder import Forwarder
from service.domain.config import Configuration
from service.domain.delivery import Delivery, DeliveryEvent, DeliveryKind, DeliveryState
from service.domain.node import DestinationNode
from service.ports.clock import StoppedClock
from service.ports.destination import Destination, MemoryDestination

PACS = DestinationNode(name="pacs", url="dicom://PACS@127.0.0.1:104")
CLOCK = StoppedClock(datetime(2026, 1, 1, tzinfo=UTC))
PATIENCE_S = 10


@dataclass
class MemoryLanes:
    """A fake of the ledger's delivering part: lanes with rows, and what was settled."""

    rows: dict[str, list[Delivery]] = field(default_factory=dict)
    settled: list[tuple[str, DeliveryEvent]] = field(default_factory=list)
    one_settled: threading.Event = field(default_factory=threading.Event)
    failures: list[Exception] = field(default_factory=list)

    def due_lanes(self) -> Sequence[str]:
        return ["read", "deliver:pacs", *(lane for lane, rows in self.rows.items() if rows)]

    def claim_deliveries(self, lane: str, worker: str, *, lease: timedelta, limit: int) -> Sequence[Delivery]:
        if self.failures:
            raise self.failures.pop()
        return self.rows.pop(lane, [])

    def renew_deliveries(self, batch: Sequence[Delivery], *, lease: timedelta) -> int:
        return len(batch)

    def settle_delivery(self, delivery: Delivery, event: DeliveryEvent, **given: object) -> bool:
        self.settled.append((delivery.destination, event))
        self.one_settled.set()
        return True


def original(destination: str) -> Delivery:
    return Delivery(
        delivery_id="1",
        kind=DeliveryKind.ORIGINAL,
        destination=destination,
        study_instance_uid=UID("1.2"),
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID("1.3"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        location="main:x",
        sha256="0",
        identity_version=None,
        state=DeliveryState.SENDING,
        attempt=1,
    )


def to_memory(node: DestinationNode) -> Destination:
    return MemoryDestination()


@contextmanager
def forwarding(
    ledger: MemoryLanes, *, connect: Callable[[DestinationNode], Destination] = to_memory
) -> Iterator[Forwarder]:
    active = SimpleNamespace(configuration=Configuration(destinations=(PACS,)))
    forwarder = Forwarder(
        worker="w",
        ledger=ledger,  # type: ignore[arg-type]
        configurations=SimpleNamespace(active=lambda: active),  # type: ignore[arg-type]
        connect=connect,
        clock=CLOCK,
        first_pause_s=0.001,
    )
    try:
        yield forwarder
    finally:
        forwarder.stop()


def test_forwarding_goes_on_after_what_nobody_foresaw() -> None:
    ledger = MemoryLanes({"forward:pacs": [original("pacs")]}, failures=[ValueError("odd"), KeyError("odder")])
    with forwarding(ledger) as forwarder:
        forwarder.wake("pacs")
        assert ledger.one_settled.wait(PATIENCE_S)
    assert ledger.settled == [("pacs", DeliveryEvent.STORED)]


def test_a_row_whose_destination_left_the_configuration_is_held_for_a_person() -> None:
    ledger = MemoryLanes({"forward:gone": [original("gone")]})
    with forwarding(ledger) as forwarder:
        forwarder.look()
        assert ledger.one_settled.wait(PATIENCE_S)
    assert ledger.settled == [("gone", DeliveryEvent.HELD)]


def test_a_look_wakes_lanes_of_originals_only() -> None:
    ledger = MemoryLanes({"forward:pacs": [original("pacs")], "deliver:pacs": [original("pacs")]})
    with forwarding(ledger) as forwarder:
        forwarder.look()
        assert ledger.one_settled.wait(PATIENCE_S)
    assert list(ledger.rows) == ["deliver:pacs"]
