"""Builders: what has to have happened before the sentence that a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
)
from sqlalchemy import BigInteger, select, type_coerce, update

from service.adapters.ledger import SqlLedger, schema
from service.domain.delivery import Delivery, DeliveryEvent
from service.domain.event import Event, EventKind
from service.domain.report import Outcome
from service.domain.rule import Mode, Priority
from service.domain.study import Identity, Instance, Manifest, Patient, StoredInstance
from service.ports.ledger import Admission, Association, Claim, NewJob, NewObject, Reception

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=5)
ENDED = timedelta(seconds=-1)
"""A lease that has run out when it begins: the database's clock decides, not ours."""
ANNA = Identity(patient=Patient(patient_id="P1", name="Müller^Anna", birth_date="19600102", sex="F"),
                accession_number="A1", study_date="20260302")  # fmt: skip
BERTA = replace(ANNA, patient=Patient(patient_id="P2", name="Schmidt^Berta", birth_date="19600102", sex="F"))
IMAGE = ComputedRadiographyImageStorage
NOT_AN_IMAGE = KeyObjectSelectionDocumentStorage
CHEST = {"Modality": "CR", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}


def study_uid(study: int = 1) -> UID:
    return UID(f"1.2.826.0.1.3680043.10.1.{study}")


def sop_uid(number: int, study: int = 1) -> UID:
    return UID(f"{study_uid(study)}.2.{number}")


def stored(
    number: int, *, study: int = 1, sop_class: UID = IMAGE, version: str = "a", series: int = 1, **attributes: str
) -> StoredInstance:
    """Instance `number` of `study`; another `version` has other bytes."""
    instance = Instance(
        sop_class_uid=sop_class,
        sop_instance_uid=sop_uid(number, study),
        series_instance_uid=UID(f"{study_uid(study)}.1.{series}"),
        study_instance_uid=study_uid(study),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={**CHEST, "InstanceNumber": str(number), **attributes},
    )
    name = f"{study}-{number}-{version}"
    return StoredInstance(instance=instance, location=f"spool/{name}", sha256=name.ljust(64, "0"), size=1000)


class Scene:
    """A ledger and verbs that bring it somewhere. Time stands still unless `later` moves it."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self.now = NOON

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def let_pass(self, seconds: float) -> None:
        """As if so much time had gone by on the database's clock, by which leases and due times are measured."""
        passed = int(seconds * 1_000_000)
        with self.ledger.database.write() as connection:
            for table in (schema.job, schema.delivery, schema.lock):
                times = [column for column in table.c if column.name in {"next_due", "lease_until"}]
                connection.execute(
                    update(table).values({each: type_coerce(each, BigInteger) - passed for each in times})
                )

    # --- receiving

    def associate(self, name: str = "assoc", *, process: str = "") -> str:
        self.ledger.open_association(
            Association(
                association_id=name,
                source="cr-room",
                calling_ae_title="CR1",
                address="127.0.0.1",
                opened_at=self.now,
                process=process,
            )
        )
        return name

    def reception(self, number: int, *, association: str = "assoc", **what: Any) -> Reception:
        names = ("forward_to", "replaces", "same_pixels", "own_device", "identity")
        how = {name: what.pop(name) for name in names if name in what}
        return Reception(
            **{"identity": ANNA, **how},
            stored=stored(number, **what),
            source="cr-room",
            association_id=association,
            received_at=self.now,
        )

    def receive(self, *numbers: int, **what: Any) -> list[Admission]:
        return [self.ledger.admit(self.reception(number, **what)) for number in numbers]

    def correct(self, number: int, *, version: str = "b", study: int = 1, **what: Any) -> Admission:
        """The same pixels with another header."""
        known = self.ledger.find_instance(sop_uid(number, study))
        assert known is not None
        what = {"replaces": known.sha256, "same_pixels": True, "version": version, "study": study, **what}
        return self.ledger.admit(self.reception(number, **what))

    # --- reading

    def hand_over(self, *rules: str, study: int = 1, **how: Any) -> Manifest | None:
        found = self.ledger.study(study_uid(study))
        assert found is not None
        told = Event(at=self.now, kind=EventKind.ASSEMBLED, text="complete", study_instance_uid=study_uid(study))
        wanted = [new_job(rule, **how) for rule in rules]
        return self.ledger.hand_over(found, wanted, [told], now=self.now)

    def claim(self, worker: str = "worker-1", *, lease: timedelta = LEASE) -> Claim:
        claim = self.ledger.claim_job(worker, lease=lease)
        assert claim is not None, "no job to claim"
        return claim

    def finish(
        self,
        claim: Claim,
        *destinations: str,
        objects: int | Sequence[NewObject] = 1,
        outcome: Outcome = Outcome.ANALYSED,
    ) -> bool:
        return self.ledger.finish_job(
            claim.job,
            outcome=outcome,
            reason="" if outcome is Outcome.ANALYSED else "the model did not answer",
            report='{"sentences": []}',
            provenance='{"software": "test"}',
            objects=[result(claim, n) for n in range(1, objects + 1)] if isinstance(objects, int) else objects,
            destinations=destinations,
            now=self.now,
        )

    def read(self, *destinations: str, study: int = 1, rule: str = "chest", images: int = 1, **how: Any) -> Claim:
        """Receive, hand over, claim and finish a study whose result is owed to `destinations`."""
        self.receive(*range(1, images + 1), study=study)
        assert self.hand_over(rule, study=study, **how) is not None
        claim = self.claim()
        assert self.finish(claim, *destinations)
        return claim

    # --- delivering

    def owed(self, lane: str = "deliver:archive", *, lease: timedelta = LEASE, limit: int = 100) -> Sequence[Delivery]:
        return self.ledger.claim_deliveries(lane, "sender", lease=lease, limit=limit)

    def settle(self, delivery: Delivery, event: DeliveryEvent = DeliveryEvent.STORED, **how: Any) -> bool:
        text = how.pop("text", "0x0000 Success")
        return self.ledger.settle_delivery(delivery, event, text=text, now=self.now, **how)

    def deliver(self, lane: str = "deliver:archive") -> Sequence[Delivery]:
        sent = self.owed(lane)
        assert all(self.settle(delivery) for delivery in sent)
        return sent

    # --- looking

    def texts(self, study: int = 1) -> list[str]:
        record = self.ledger.record(study_uid(study))
        assert record is not None
        return [event.text for event in record.events]

    def state(self, study: int = 1) -> str:
        record = self.ledger.record(study_uid(study))
        assert record is not None
        return record.row.state

    def delivery_states(self) -> list[str]:
        """Oldest first."""
        found = sorted(self.ledger.deliveries(), key=lambda record: int(record.delivery.delivery_id))
        return [record.delivery.state.value for record in found]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.ledger.database.read() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in schema.metadata.sorted_tables
            }


def new_job(rule: str = "chest", *, priority: Priority = Priority.MEDIUM, mode: Mode = Mode.LIVE) -> NewJob:
    return NewJob(protocol="chest-protocol", rule=rule, config_version=1, mode=mode, priority=priority, deadline=None)


def result(claim: Claim, role: int = 1) -> NewObject:
    """A result whose UID follows from what it is, as the real ones do."""
    job = claim.job
    rule = sum(job.rule.encode())
    name = f"{job.study_instance_uid}.9.{job.manifest_version}.{job.identity_version}.{job.run_number}.{rule}.{role}"
    return NewObject(
        role=f"role-{role}",
        sop_class_uid=BasicTextSRStorage,
        sop_instance_uid=UID(name),
        series_instance_uid=UID(f"{job.study_instance_uid}.8"),
        instance_number=role,
        location=f"spool/{name}",
        sha256=name.ljust(64, "0")[:64],
        size=4000,
    )
