"""Deliveries: what a destination's answer means, and what may not leave (invariants 4 and 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from pydicom.uid import UID, BasicTextSRStorage, ExplicitVRLittleEndian

from service.domain.config import Configuration, StoppedModel
from service.domain.delivery import MAX_TRIES, Delivery, DeliveryEvent, DeliveryKind, DeliveryState
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.domain.profile import Profile
from service.domain.study import Identity, Patient
from service.flow.deliver import deliver
from service.ports.clock import StoppedClock
from service.ports.destination import Answered, MemoryDestination, Parcel, StoreResult

NODE = DestinationNode(name="pacs", url="dicom://PACS@127.0.0.1:104")
OURS = Identity(patient=Patient(patient_id="1", name="Doe^Jane"), accession_number="A1")
CLOCK = StoppedClock(datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class MemoryDelivering:
    """A fake of the ledger's delivering part: one batch, and what was settled."""

    batch: list[Delivery]
    identity: Identity = OURS
    version: int = 1
    settled: list[tuple[str, DeliveryEvent, str, timedelta]] = field(default_factory=list)
    nothing_sent: list[str] = field(default_factory=list)
    lease_lost: bool = False
    adopted: list[Identity] = field(default_factory=list)
    ready: str = ""
    """The role that is on standby; empty for none."""
    stood_in: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    def claim_deliveries(self, lane: str, worker: str, *, lease: timedelta, limit: int) -> Sequence[Delivery]:
        assert lane == "deliver:pacs"
        batch, self.batch = self.batch, []
        return batch

    def renew_deliveries(self, batch: Sequence[Delivery], *, lease: timedelta) -> int:
        return len(batch)

    def settle_delivery(
        self,
        delivery: Delivery,
        event: DeliveryEvent,
        *,
        text: str,
        now: datetime,
        after: timedelta = timedelta(),
        sent: bool = True,
    ) -> bool:
        self.settled.append((delivery.delivery_id, event, text, after))
        if not sent:
            self.nothing_sent.append(delivery.delivery_id)
        return not self.lease_lost

    def stand_in(self, delivery: Delivery, roles: Sequence[str], *, text: str, now: datetime) -> str:
        self.stood_in.append((delivery.delivery_id, tuple(roles), text))
        return self.ready

    def current_identity(self, study_instance_uid: UID) -> tuple[int, Identity]:
        return self.version, self.identity

    def reidentify(self, study_instance_uid: UID, identity: Identity, *, source: str, now: datetime) -> int:
        self.adopted.append(identity)
        return self.version + 1


def delivery(**given: object) -> Delivery:
    plain = Delivery(
        delivery_id="1",
        kind=DeliveryKind.RESULT,
        destination="pacs",
        study_instance_uid=UID("1.2"),
        sop_class_uid=BasicTextSRStorage,
        sop_instance_uid=UID("1.3"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        location="main:x",
        sha256="0",
        identity_version=1,
        state=DeliveryState.SENDING,
        attempt=1,
    )
    return replace(plain, **given)  # type: ignore[arg-type]


def run(ledger: MemoryDelivering, peer: MemoryDestination, node: DestinationNode = NODE) -> list[DeliveryEvent]:
    deliver(
        "deliver:pacs",
        worker="w",
        ledger=ledger,  # type: ignore[arg-type]
        configuration=Configuration(destinations=(node,)),
        connect=lambda _: peer,
        clock=CLOCK,
    )
    return [event for _, event, _, _ in ledger.settled]


def test_an_empty_lane_opens_no_connection() -> None:
    deliver(
        "deliver:pacs",
        worker="w",
        ledger=MemoryDelivering([]),  # type: ignore[arg-type]
        configuration=Configuration(),
        connect=lambda _: pytest.fail("connected"),
        clock=CLOCK,
    )


@pytest.mark.parametrize(
    ("answered", "attempt", "event"),
    [
        (Answered.STORED, 1, DeliveryEvent.STORED),
        (Answered.REFUSED, 1, DeliveryEvent.REFUSED),
        (Answered.AWAY, 1, DeliveryEvent.DEFERRED),
        (Answered.AWAY, MAX_TRIES, DeliveryEvent.EXPIRED),
    ],
)
def test_each_answer_settles_the_delivery(answered: Answered, attempt: int, event: DeliveryEvent) -> None:
    ledger, peer = MemoryDelivering([delivery(attempt=attempt)]), MemoryDestination()
    peer.answers = [StoreResult(answered=answered, status="0xABCD words")]
    assert run(ledger, peer) == [event]
    assert ledger.settled[0][2] == "0xABCD words"


def test_the_wait_grows_with_the_attempts() -> None:
    waits = []
    for attempt in (1, 2, 3):
        ledger, peer = MemoryDelivering([delivery(attempt=attempt)]), MemoryDestination()
        peer.answers = [StoreResult(answered=Answered.AWAY, status="away")]
        run(ledger, peer)
        waits.append(ledger.settled[0][3].total_seconds())
    assert waits == [1, 2, 4]


def test_a_result_is_held_when_the_archive_knows_another_patient() -> None:
    ledger, peer = MemoryDelivering([delivery()]), MemoryDestination()
    peer.known["1.2"] = replace(OURS, patient=replace(OURS.patient, name="Roe^Jane"))
    assert run(ledger, peer) == [DeliveryEvent.HELD]
    assert peer.stored == []
    assert "Roe" not in ledger.settled[0][2]
    assert ledger.adopted == []


def test_the_archive_that_is_the_truth_has_its_identity_adopted() -> None:
    ledger, peer = MemoryDelivering([delivery()]), MemoryDestination()
    peer.known["1.2"] = Identity(patient=Patient(patient_id="1", name="Roe^Jane"))
    assert run(ledger, peer, replace(NODE, adopt_identity=True)) == [DeliveryEvent.HELD]
    assert peer.stored == []
    (adopted,) = ledger.adopted
    assert (adopted.patient.name, adopted.accession_number) == ("Roe^Jane", "A1")


def test_a_result_made_under_an_older_identity_never_leaves() -> None:
    ledger, peer = MemoryDelivering([delivery(identity_version=1)], version=2), MemoryDestination()
    assert run(ledger, peer) == [DeliveryEvent.SUPERSEDED]
    assert peer.stored == []


def test_an_original_goes_out_as_it_came() -> None:
    ledger, peer = MemoryDelivering([delivery(kind=DeliveryKind.ORIGINAL, identity_version=None)]), MemoryDestination()
    peer.known["1.2"] = Identity(patient=Patient(patient_id="other"))
    assert run(ledger, peer) == [DeliveryEvent.STORED]


def test_an_archive_that_cannot_be_asked_puts_the_result_off() -> None:
    class Away(MemoryDestination):
        def identity(self, study_instance_uid: UID) -> Identity | None:
            raise Unavailable("no answer to C-FIND")

    ledger = MemoryDelivering([delivery()])
    assert run(ledger, Away()) == [DeliveryEvent.DEFERRED]
    assert ledger.settled[0][2] == "no answer to C-FIND"


def test_a_destination_that_was_taken_out_of_the_configuration_holds_its_lane() -> None:
    ledger = MemoryDelivering([delivery()])
    deliver(
        "deliver:pacs",
        worker="w",
        ledger=ledger,  # type: ignore[arg-type]
        configuration=Configuration(),
        connect=lambda _: pytest.fail("connected"),
        clock=CLOCK,
    )
    assert ledger.settled[0][1] is DeliveryEvent.HELD


def test_once_the_destination_is_away_the_rest_of_the_batch_waits_without_asking() -> None:
    class Black(MemoryDestination):
        asked = 0

        def identity(self, study_instance_uid: UID) -> Identity | None:
            self.asked += 1
            raise Unavailable("no answer")

    ledger, peer = MemoryDelivering([delivery(delivery_id=str(n)) for n in range(8)]), Black()
    assert run(ledger, peer) == [DeliveryEvent.DEFERRED] * 8
    assert peer.asked == 1


def test_a_destination_that_fails_in_an_unforeseen_way_puts_its_own_rows_off() -> None:
    class Broken(MemoryDestination):
        def store(self, parcels: Sequence[Parcel]) -> Sequence[StoreResult]:
            raise ZeroDivisionError("Doe^Jane")

    ledger = MemoryDelivering([delivery(delivery_id="1"), delivery(delivery_id="2")])
    assert run(ledger, Broken()) == [DeliveryEvent.DEFERRED] * 2
    assert ledger.settled[0][2] == "internal error (ZeroDivisionError)"


def test_an_object_that_cannot_go_now_holds_up_nothing_else() -> None:
    ledger, peer = MemoryDelivering([delivery(delivery_id=str(n)) for n in range(3)]), MemoryDestination()
    peer.answers = [StoreResult(answered=Answered.LATER, status="0x0110 processing failure there")]
    assert run(ledger, peer) == [DeliveryEvent.DEFERRED, DeliveryEvent.STORED, DeliveryEvent.STORED]


def test_what_was_not_even_offered_is_remembered_as_not_sent() -> None:
    ledger, peer = MemoryDelivering([delivery(delivery_id=str(n)) for n in range(3)]), MemoryDestination()
    peer.answers = [StoreResult(answered=Answered.AWAY, status="it did not answer")]
    assert run(ledger, peer) == [DeliveryEvent.DEFERRED] * 3
    assert ledger.nothing_sent == ["1", "2"]


def test_what_was_held_or_refused_before_a_byte_left_is_remembered_as_not_sent() -> None:
    held, gone, unwanted = (MemoryDelivering([delivery(kind=DeliveryKind.ORIGINAL)]) for _ in range(3))
    held.batch = [delivery()]
    peer = MemoryDestination()
    peer.known["1.2"] = replace(OURS, patient=replace(OURS.patient, name="Roe^Jane"))
    assert run(held, peer) == [DeliveryEvent.HELD]
    peer.answers = [StoreResult(answered=Answered.REFUSED, status="accepts no CT", sent=False)]
    assert run(unwanted, peer) == [DeliveryEvent.REFUSED]
    assert run(gone, peer, replace(NODE, name="other")) == [DeliveryEvent.HELD]
    assert held.nothing_sent == unwanted.nothing_sent == gone.nothing_sent == ["1"]


def test_whoever_lost_the_lease_sends_nothing_more() -> None:
    ledger, peer = MemoryDelivering([delivery(delivery_id=str(n)) for n in range(3)]), MemoryDestination()
    ledger.lease_lost = True
    run(ledger, peer)
    assert len(peer.stored) == 1


def test_a_person_who_sends_again_gives_it_as_many_tries_as_a_new_one() -> None:
    again = delivery(attempt=MAX_TRIES + 2, sent_again_at=MAX_TRIES + 1)
    ledger, peer = MemoryDelivering([again]), MemoryDestination()
    peer.answers = [StoreResult(answered=Answered.AWAY, status="away")]
    assert run(ledger, peer) == [DeliveryEvent.DEFERRED]
    assert ledger.settled[0][3] == timedelta(seconds=1)


def test_a_destination_whose_url_cannot_be_opened_holds_its_lane() -> None:
    def wrong(node: DestinationNode) -> MemoryDestination:
        raise Misconfigured("nodes.toml: no AE title in the URL")

    ledger = MemoryDelivering([delivery()])
    deliver(
        "deliver:pacs",
        worker="w",
        ledger=ledger,  # type: ignore[arg-type]
        configuration=Configuration(destinations=(NODE,)),
        connect=wrong,
        clock=CLOCK,
    )
    assert ledger.settled[0][1:3] == (DeliveryEvent.HELD, "nodes.toml: no AE title in the URL")


def test_the_identity_of_a_study_is_asked_once_a_batch() -> None:
    class Counting(MemoryDestination):
        asked = 0

        def identity(self, study_instance_uid: UID) -> Identity | None:
            self.asked += 1
            return OURS

    ledger, peer = MemoryDelivering([delivery(delivery_id="1"), delivery(delivery_id="2")]), Counting()
    assert run(ledger, peer) == [DeliveryEvent.STORED] * 2
    assert peer.asked == 1


def test_an_original_that_the_destination_already_has_is_for_a_person_unless_its_answer_was_lost() -> None:
    known = StoreResult(answered=Answered.STORED, status="0x0111 was there already", already_there=True)
    for kind, attempt, nothing_sent, event in (
        (DeliveryKind.ORIGINAL, 1, 0, DeliveryEvent.REFUSED),
        (DeliveryKind.ORIGINAL, 2, 0, DeliveryEvent.STORED),
        (DeliveryKind.ORIGINAL, 2, 1, DeliveryEvent.REFUSED),
        (DeliveryKind.ORIGINAL, 5, 3, DeliveryEvent.STORED),
        (DeliveryKind.RESULT, 1, 0, DeliveryEvent.STORED),
    ):
        owed = delivery(kind=kind, attempt=attempt, nothing_sent=nothing_sent)
        ledger, peer = MemoryDelivering([owed]), MemoryDestination()
        peer.answers = [known]
        assert run(ledger, peer) == [event]


REFUSES_THE_CLASS = StoreResult(
    answered=Answered.REFUSED, status="PACS accepts no Comprehensive 3D SR", sent=False, class_refused=True
)
PATIENT_NODE = replace(NODE, profile=Profile(fall_back=("basic-text-sr",)))


def test_where_the_class_is_refused_what_stands_in_goes_instead() -> None:
    ledger, peer = MemoryDelivering([delivery()], ready="basic-text-sr"), MemoryDestination()
    peer.answers = [REFUSES_THE_CLASS]
    assert run(ledger, peer, PATIENT_NODE) == []
    assert ledger.stood_in == [("1", ("basic-text-sr",), "PACS accepts no Comprehensive 3D SR")]


def test_where_nothing_stands_in_a_person_looks() -> None:
    for node, ready in ((PATIENT_NODE, ""), (NODE, "basic-text-sr")):
        ledger, peer = MemoryDelivering([delivery()], ready=ready), MemoryDestination()
        peer.answers = [REFUSES_THE_CLASS]
        assert run(ledger, peer, node) == [DeliveryEvent.REFUSED]


def test_an_object_that_is_refused_for_its_content_is_not_stood_in_for() -> None:
    ledger, peer = MemoryDelivering([delivery()], ready="basic-text-sr"), MemoryDestination()
    peer.answers = [StoreResult(answered=Answered.REFUSED, status="0xC000")]
    assert run(ledger, peer, PATIENT_NODE) == [DeliveryEvent.REFUSED]


def test_what_a_stopped_model_read_is_held_and_the_rest_leaves() -> None:
    stopped = Configuration(
        destinations=(NODE,), stopped=(StoppedModel(model="chest", digest="d1", by="me", reason="wrong side"),)
    )
    ledger = MemoryDelivering([delivery(delivery_id="1", job_id="7"), delivery(delivery_id="2", job_id="8")])
    deliver(
        "deliver:pacs",
        worker="w",
        ledger=ledger,  # type: ignore[arg-type]
        configuration=stopped,
        connect=lambda node: MemoryDestination(),
        clock=CLOCK,
        read_by={"7": frozenset({"d1"}), "8": frozenset({"d2"})}.__getitem__,
    )
    (held, sent) = ledger.settled
    assert held[1] is DeliveryEvent.HELD
    assert held[2] == "model chest was stopped by me: wrong side; start it, then retry the delivery"
    assert sent[1] is DeliveryEvent.STORED
    assert ledger.nothing_sent == ["1"]
