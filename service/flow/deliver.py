"""Send what is owed to one destination: results under the current identity, originals as they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog
from pydicom.uid import UID

from service.domain.config import Configuration
from service.domain.delivery import MAX_TRIES, Delivery, DeliveryEvent, DeliveryKind, backoff
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.domain.study import Identity
from service.flow.lease import held
from service.ports.clock import Clock
from service.ports.destination import Answered, Destination, Parcel, StoreResult
from service.ports.ledger import Ledger

BATCH = 8
LEASE = timedelta(seconds=30)
"""Renewed while a batch is sent, however slow the link; a killed sender's rows come back after it."""

Connect = Callable[[DestinationNode], Destination]
ReadBy = Callable[[str], frozenset[str]]

log = structlog.get_logger("preread.deliver")


def deliver(
    lane: str, *, worker: str, ledger: Ledger, configuration: Configuration, connect: Connect, clock: Clock,
    read_by: ReadBy = lambda job_id: frozenset(),
) -> int:  # fmt: skip
    """Work one batch of `lane` ("deliver:NAME" or "forward:NAME"); returns how many rows were claimed.

    `read_by` gives the digests of the models that a reading asked: what a stopped one read is held.
    """
    batch = ledger.claim_deliveries(lane, worker, lease=LEASE, limit=BATCH)
    if not batch:
        return 0
    name = lane.split(":", 1)[1]
    try:
        node = configuration.destination(name)
        round_trip = Round(node, connect(node), ledger, clock, stopped=partial(_stopped, configuration, read_by))
    except KeyError:
        _hold(batch, f"destination {name} is not in the active configuration", ledger, clock)
    except Misconfigured as error:
        _hold(batch, str(error), ledger, clock)
    else:
        with held(partial(ledger.renew_deliveries, batch, lease=LEASE), LEASE):
            for delivery in batch:
                round_trip.send(delivery)
    return len(batch)


class Round:
    """One batch to one destination. Once it is away, the rest of the batch waits without asking again; what
    fails for a reason of its own delays nothing else."""

    def __init__(
        self,
        node: DestinationNode,
        destination: Destination,
        ledger: Ledger,
        clock: Clock,
        *,
        stopped: Callable[[Delivery], str] = lambda delivery: "",
    ) -> None:
        self._node, self._destination, self._ledger, self._clock = node, destination, ledger, clock
        self._stopped = stopped
        self._away = ""
        self._lost = False
        self._theirs: dict[UID, Identity | None] = {}

    def send(self, delivery: Delivery) -> None:
        """Send one delivery if it may leave, and record what became of it; nothing once the lease was lost."""
        if self._lost:
            return
        if self._away:
            self._settle(delivery, StoreResult(answered=Answered.AWAY, status=self._away, sent=False))
            return
        try:
            if self._may_leave(delivery):
                self._settle(delivery, self._store(delivery))
        except Unavailable as error:
            self._settle(delivery, StoreResult(answered=Answered.AWAY, status=str(error), sent=False))
        except Exception as error:  # boundary: what fails in an unforeseen way delays itself alone
            log.exception("delivery failed", destination=self._node.name, delivery=delivery.delivery_id)
            status = f"internal error ({type(error).__name__})"
            self._settle(delivery, StoreResult(answered=Answered.LATER, status=status))

    def _may_leave(self, delivery: Delivery) -> bool:
        """Invariant 10; a delivery that may not leave is settled here."""
        if delivery.kind is DeliveryKind.ORIGINAL:
            return True
        if delivery.kind is DeliveryKind.RESULT and (why := self._stopped(delivery)):
            self._record(delivery, DeliveryEvent.HELD, why, sent=False)
            return False
        uid = delivery.study_instance_uid
        if self._node.identity_check and uid not in self._theirs:
            self._theirs[uid] = self._destination.identity(uid)
        version, ours = self._ledger.current_identity(uid)
        if delivery.identity_version is not None and delivery.identity_version < version:
            text = "made under an older identity; a newer result takes its place"
            self._record(delivery, DeliveryEvent.SUPERSEDED, text, sent=False)
            return False
        theirs = self._theirs.get(uid)
        if theirs is None or ours.same_person_and_order(theirs):
            return True
        self._hold_back(delivery, ours, theirs)
        return False

    def _hold_back(self, delivery: Delivery, ours: Identity, theirs: Identity) -> None:
        text = f"{self._node.name} knows this study under another patient or order"
        if self._node.adopt_identity:
            _adopt(delivery.study_instance_uid, ours, theirs, self._node.name, self._ledger, self._clock)
            self._record(delivery, DeliveryEvent.HELD, f"{text}; it is encoded again", sent=False)
        else:
            todo = f"{text}; compare both, correct one, then retry the delivery"
            self._record(delivery, DeliveryEvent.HELD, todo, sent=False)

    def _store(self, delivery: Delivery) -> StoreResult:
        parcel = Parcel(
            sop_class_uid=delivery.sop_class_uid,
            sop_instance_uid=delivery.sop_instance_uid,
            transfer_syntax_uid=delivery.transfer_syntax_uid,
            location=delivery.location,
        )
        (answer,) = self._destination.store([parcel])
        if answer.already_there and delivery.kind is DeliveryKind.ORIGINAL and not delivery.may_be_there:
            # Our results' UIDs follow from their content; an original under a known UID may be a corrected header.
            status = f"{answer.status}: it keeps what it had; compare both, then retry or leave it"
            return StoreResult(answered=Answered.REFUSED, status=status)
        return answer

    def _settle(self, delivery: Delivery, answer: StoreResult) -> None:
        if answer.answered is Answered.STORED:
            self._record(delivery, DeliveryEvent.STORED, answer.status)
        elif answer.class_refused and self._stands_in(delivery, answer.status):
            return
        elif answer.answered is Answered.REFUSED:
            self._record(delivery, DeliveryEvent.REFUSED, answer.status, sent=answer.sent)
        else:
            if answer.answered is Answered.AWAY:
                self._away = answer.status
            event = DeliveryEvent.EXPIRED if delivery.tries >= MAX_TRIES else DeliveryEvent.DEFERRED
            self._record(delivery, event, answer.status, after=backoff(delivery.tries), sent=answer.sent)

    def _stands_in(self, delivery: Delivery, why: str) -> bool:
        """Whether another object of the same reading goes to a destination that takes no such class."""
        roles = self._node.profile.fall_back
        if delivery.kind is not DeliveryKind.RESULT or not roles:
            return False
        return bool(self._ledger.stand_in(delivery, roles, text=why, now=self._clock.now()))

    def _record(
        self,
        delivery: Delivery,
        event: DeliveryEvent,
        text: str,
        *,
        after: timedelta = timedelta(),
        sent: bool = True,
    ) -> None:
        now = self._clock.now()
        if not self._ledger.settle_delivery(delivery, event, text=text, now=now, after=after, sent=sent):
            log.warning("lease lost", destination=self._node.name, delivery=delivery.delivery_id)
            self._lost = True


def _adopt(
    study_instance_uid: UID, ours: Identity, theirs: Identity, source: str, ledger: Ledger, clock: Clock
) -> None:
    """Make what `source` says of patient and order the study's next identity version."""
    mine, said = ours.patient, theirs.patient
    patient = replace(
        mine,
        patient_id=said.patient_id or mine.patient_id,
        issuer=said.issuer or mine.issuer,
        name=said.name or mine.name,
        birth_date=said.birth_date or mine.birth_date,
        sex=said.sex or mine.sex,
    )
    identity = replace(ours, patient=patient, accession_number=theirs.accession_number or ours.accession_number)
    ledger.reidentify(study_instance_uid, identity, source=source, now=clock.now())


def _stopped(configuration: Configuration, read_by: ReadBy, delivery: Delivery) -> str:
    """Why the result may not leave because of the model that read it; empty if it may."""
    if not configuration.stopped or delivery.job_id is None:
        return ""
    digests = read_by(delivery.job_id)
    words = [one.words for one in configuration.stopped if one.digest in digests]
    return f"{'; '.join(words)}; start it, then retry the delivery" if words else ""


def _hold(batch: Sequence[Delivery], text: str, ledger: Ledger, clock: Clock) -> None:
    for delivery in batch:
        ledger.settle_delivery(delivery, DeliveryEvent.HELD, text=text, now=clock.now(), sent=False)
