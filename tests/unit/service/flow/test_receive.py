"""Receiving: durable before it is admitted, compared before it is called a conflict, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.config import Configuration
from service.domain.errors import Unavailable, Unreadable
from service.domain.event import EventKind
from service.domain.rejection import Reason
from service.domain.rule import Forward
from service.flow.receive import receive
from service.ports.ledger import Admission, Association, Reception
from service.ports.spool import StoredBytes
from tests.support.instances import instance, part10, uid
from tests.support.receiving import ANYBODY, CLOCK, NOON, RecordingLedger

FROM = Association(association_id="a1", source="any", calling_ae_title="CT1", address="127.0.0.1", opened_at=NOON)


class House:
    """A spool in a folder, a recording ledger and real headers, and `receive` over them."""

    def __init__(self, folder: Path) -> None:
        self.spool = FileSpool(folder)
        self.ledger = RecordingLedger()
        self.headers = Part10Headers(children=1)
        self.configuration = Configuration(sources=(ANYBODY,))
        self.forwarded: list[str] = []
        self.devices: frozenset[str] = frozenset()

    def take(self, data: bytes, *, claimed_uid: str = "") -> Admission:
        with self.spool.incoming() as incoming:
            incoming.write(data)
            return receive(
                incoming, FROM, spool=self.spool, ledger=self.ledger, headers=self.headers,
                configuration=lambda: self.configuration, clock=CLOCK, own_devices=self.devices,
                claimed_uid=claimed_uid, on_forward=self.forwarded.append,
            )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.headers.close()


def test_a_new_instance_is_kept_and_admitted(house: House) -> None:
    data = part10(instance())
    assert house.take(data) is Admission.NEW
    reception = house.ledger.receptions[0]
    with house.spool.open(reception.stored.location) as file:
        assert file.read() == data
    assert reception.source == "any"
    assert reception.association_id == "a1"
    assert reception.received_at == NOON
    assert reception.identity.patient.name == "Müller^Anna"
    assert (reception.replaces, reception.own_device, reception.forward_to) == (None, False, ())


def test_the_source_s_issuer_stands_in_where_the_sender_states_none(house: House) -> None:
    house.take(part10(instance("a")))
    house.take(part10(instance("b", IssuerOfPatientID="CLINIC")))
    house.take(part10(instance("c", PatientID="")))
    assert [r.identity.patient.issuer for r in house.ledger.receptions] == ["HOSPITAL", "CLINIC", ""]


def test_an_instance_sent_twice_is_a_duplicate(house: House) -> None:
    data = part10(instance())
    assert [house.take(data), house.take(data)] == [Admission.NEW, Admission.DUPLICATE]


def test_the_same_pixels_under_another_header_are_a_correction(house: House) -> None:
    house.take(part10(instance()))
    assert house.take(part10(instance(PatientName="Maier^Anna"))) is Admission.CORRECTED
    assert house.ledger.receptions[-1].replaces == house.ledger.receptions[0].stored.sha256


def test_another_transfer_syntax_of_the_same_pixels_is_no_conflict(house: House) -> None:
    house.take(part10(instance()))
    assert house.take(part10(instance(), ImplicitVRLittleEndian)) is Admission.CORRECTED


def test_other_pixels_under_a_known_uid_are_a_conflict_and_the_first_stays(house: House) -> None:
    house.take(part10(instance()))
    first = house.ledger.known[uid("instance", "one")]
    assert house.take(part10(instance(PixelData=bytes(128)))) is Admission.CONFLICT
    assert house.ledger.known[uid("instance", "one")] == first
    with house.spool.open(house.ledger.receptions[-1].stored.location):
        pass  # the newcomer is kept, too: a person may have to look


def test_what_we_issued_comes_back_as_an_echo_and_is_not_forwarded(house: House) -> None:
    house.configuration = Configuration(forwards=(Forward(destination="pacs"),))
    house.ledger.own.add(uid("instance", "one"))
    assert house.take(part10(instance())) is Admission.ECHO
    assert house.forwarded == []


@pytest.mark.parametrize("place", ["top", "contributing equipment"])
def test_an_object_with_our_device_uid_is_ours(house: House, place: str) -> None:
    house.devices = frozenset({"2.25.42"})
    equipment = Dataset()
    equipment.DeviceUID = "2.25.42"
    more = {"DeviceUID": "2.25.42"} if place == "top" else {"ContributingEquipmentSequence": [equipment]}
    assert house.take(part10(instance(**more))) is Admission.ECHO


def test_originals_are_forwarded_at_once_and_once(house: House) -> None:
    house.configuration = Configuration(
        forwards=(Forward(destination="pacs"), Forward(destination="mr-only", modality=("MR",)))
    )
    data = part10(instance())
    house.take(data)
    house.take(data)
    assert house.ledger.receptions[0].forward_to == ("pacs",)
    assert house.forwarded == ["pacs"]


def test_unreadable_bytes_are_kept_and_told_of(house: House) -> None:
    with pytest.raises(Unreadable, match="SOP Class UID is missing"):
        house.take(part10(instance(SOPClassUID="", PatientName="Secret^Name")))
    event = house.ledger.events[0]
    assert event.kind is EventKind.QUARANTINED
    assert "SOP Class UID is missing" in event.text
    assert "send it again" in event.text
    assert "Secret" not in event.text
    location = next(word for word in event.text.replace(";", " ").split() if word.startswith("main:"))
    with house.spool.open(location) as file:
        assert b"Secret^Name" in file.read()


def test_an_object_under_another_uid_than_the_sender_named_is_quarantined(house: House) -> None:
    with pytest.raises(Unreadable, match="not the one that the sender named"):
        house.take(part10(instance()), claimed_uid="1.2.3")
    assert not house.ledger.receptions


def test_when_the_ledger_is_away_nothing_is_admitted(house: House) -> None:
    house.ledger.away = True
    with pytest.raises(Unavailable):
        house.take(part10(instance()))
    house.ledger.away = False
    assert house.take(part10(instance())) is Admission.NEW


def test_bytes_are_durable_before_the_ledger_hears_of_them(house: House) -> None:
    calls: list[str] = []

    class Incoming:
        def reread(self) -> BinaryIO:
            calls.append("index")
            return BytesIO(part10(instance()))

        def keep(self) -> StoredBytes:
            calls.append("keep")
            return StoredBytes(location="main:x", sha256="s", size=1)

    class Ledger(RecordingLedger):
        def admit(self, reception: Reception) -> Admission:
            calls.append("admit")
            return super().admit(reception)

    receive(
        Incoming(), FROM, spool=house.spool, ledger=Ledger(), headers=house.headers,  # type: ignore[arg-type]
        configuration=lambda: house.configuration, clock=CLOCK,
    )  # fmt: skip
    assert calls == ["index", "keep", "admit"]


def test_an_instance_that_changes_meanwhile_is_compared_again(house: House) -> None:
    """Two senders race with the same UID: the second admit fails, the comparison is made anew."""
    other = part10(instance(PatientName="Racer"))

    class Racing(RecordingLedger):
        raced = False

        def admit(self, reception: Reception) -> Admission:
            if not self.raced:
                self.raced = True
                with house.spool.incoming() as incoming:
                    incoming.write(other)
                    receive(
                        incoming, FROM, spool=house.spool, ledger=self, headers=house.headers,
                        configuration=lambda: house.configuration, clock=CLOCK,
                    )  # fmt: skip
            return super().admit(reception)

    house.ledger = Racing()
    assert house.take(part10(instance())) is Admission.CORRECTED
    assert house.ledger.admissions == [Admission.NEW, Admission.CORRECTED]


def test_a_comparison_that_never_settles_ends(house: House) -> None:
    class Restless(RecordingLedger):
        def admit(self, reception: Reception) -> Admission:
            count = len(self.admissions)
            self.admissions.append(Admission.NEW)
            with house.spool.incoming() as incoming:
                incoming.write(part10(instance(PatientName=f"N{count}")))
                kept = incoming.keep()
            with house.spool.open(kept.location) as file:
                header = house.headers.read(file)
            self.known[header.instance.sop_instance_uid] = type(reception.stored)(
                instance=header.instance, location=kept.location, sha256=kept.sha256, size=kept.size
            )
            raise Unavailable("changed")

    house.ledger = Restless()
    with pytest.raises(Unavailable, match="keeps arriving"):
        house.take(part10(instance()))


def test_a_rejection_note_is_admitted_with_what_it_rejects(house: House) -> None:
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "113001", "DCM", "Rejected for Quality Reasons"
    note = instance(SOPClassUID=KeyObjectSelectionDocumentStorage, ConceptNameCodeSequence=[title])
    assert house.take(part10(note)) is Admission.NEW
    rejects = house.ledger.receptions[-1].rejects
    assert rejects is not None
    assert rejects.reason is Reason.QUALITY
    house.take(part10(instance("an image")))
    assert house.ledger.receptions[-1].rejects is None
