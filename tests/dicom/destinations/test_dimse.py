"""A DICOM node as destination: what it is sent, what its answers mean, and what happens when it does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from dicom_nodes.association import Peer as Called
from dicom_nodes.destinations import open_destination
from dicom_nodes.destinations.dimse import DimseDestination
from service.adapters.spool_files import FileSpool
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.ports.destination import Answered, Parcel
from tests.support.instances import instance, part10, uid
from tests.support.peers import line_to, peer
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.dicom


class Desk:
    """A spool with objects to be sent, and destinations that read from it."""

    def __init__(self, folder: Path) -> None:
        self.spool = FileSpool(folder)

    def parcel(self, name: str = "one", syntax: UID = ExplicitVRLittleEndian, **attributes: Any) -> Parcel:
        made = instance(name, **attributes)
        with self.spool.incoming() as incoming:
            incoming.write(part10(made, syntax))
            location = incoming.keep().location
        return Parcel(
            sop_class_uid=made.SOPClassUID, sop_instance_uid=made.SOPInstanceUID, transfer_syntax_uid=syntax,
            location=location,
        )  # fmt: skip

    def destination(self, port: int, *, idle_s: float = 5, **waits: float) -> DimseDestination:
        called = Called(
            called_ae="PEER", host="127.0.0.1", port=port, calling_ae="PREREAD",
            **({"connect_s": 30, "acse_s": 30, "dimse_s": 30} | waits),
        )  # fmt: skip
        return DimseDestination(called, opener=self.spool.open, idle_s=idle_s)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "spool")


def test_objects_go_out_as_they_are_stored_over_one_association(desk: Desk) -> None:
    parcels = [
        desk.parcel("a"),
        desk.parcel("b", ImplicitVRLittleEndian),
        desk.parcel("c", DeflatedExplicitVRLittleEndian),
        desk.parcel("d", SOPClassUID=MRImageStorage),
    ]
    with peer() as told:
        destination = desk.destination(told.port)
        results = destination.store(parcels)
        again = destination.store(parcels[:1])
        destination.close()
    assert [result.answered for result in [*results, *again]] == [Answered.STORED] * 5
    assert results[0].status == "0x0000 stored"
    assert told.received == [str(parcel.sop_instance_uid) for parcel in [*parcels, parcels[0]]]
    assert told.syntaxes[:4] == [str(parcel.transfer_syntax_uid) for parcel in parcels]
    assert told.associations == 1


def test_the_dataset_arrives_byte_for_byte(desk: Desk) -> None:
    got: list[bytes] = []

    def keep(event: Any) -> int:
        got.append(event.request.DataSet.getvalue())
        return 0

    parcel = desk.parcel(PixelData=bytes(range(256)) * 2000, Rows=500, Columns=512)
    with peer(answer=keep) as told:
        destination = desk.destination(told.port)
        destination.store([parcel])
        destination.close()
    with desk.spool.open(parcel.location) as file:
        assert file.read().endswith(got[0])
    assert len(got[0]) > 512_000


def test_a_new_kind_of_object_opens_a_new_association(desk: Desk) -> None:
    with peer() as told:
        destination = desk.destination(told.port)
        destination.store([desk.parcel("a")])
        destination.store([desk.parcel("b", SOPClassUID=MRImageStorage)])
        destination.store([desk.parcel("c")])
        destination.close()
    assert told.associations == 2


def test_an_idle_association_is_released(desk: Desk) -> None:
    with peer() as told:
        destination = desk.destination(told.port, idle_s=0.1)
        destination.store([desk.parcel("a")])
        eventually(lambda: destination._association is None, what="the association is kept")
        assert destination.store([desk.parcel("b")])[0].answered is Answered.STORED
        destination.close()
    assert told.associations == 2


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        (0x0000, Answered.STORED),
        (0xB000, Answered.STORED),
        (0xA700, Answered.AWAY),
        (0x0110, Answered.LATER),
        (0x0122, Answered.REFUSED),
        (0xC123, Answered.REFUSED),
    ],
)
def test_a_status_decides_whether_it_is_sent_again(desk: Desk, status: int, answered: Answered) -> None:
    with peer() as told:
        told.status = status
        destination = desk.destination(told.port)
        (result,) = destination.store([desk.parcel()])
        destination.close()
    assert result.answered is answered
    assert result.status.startswith(f"0x{status:04X}")
    assert result.class_refused == (status == 0x0122)


def test_one_refused_object_does_not_stop_the_others(desk: Desk) -> None:
    statuses = iter([0, 0xC000, 0xA700, 0])
    with peer(answer=lambda event: next(statuses)) as told:
        destination = desk.destination(told.port)
        results = destination.store([desk.parcel(name) for name in "abcd"])
        destination.close()
    assert [result.answered.value for result in results] == ["stored", "refused", "away", "stored"]


def test_a_class_that_the_peer_does_not_take_is_refused_by_name(desk: Desk) -> None:
    with peer(syntaxes=[ImplicitVRLittleEndian]) as told:
        destination = desk.destination(told.port)
        results = destination.store([desk.parcel("a"), desk.parcel("b", ImplicitVRLittleEndian)])
        destination.close()
    assert [result.answered for result in results] == [Answered.REFUSED, Answered.STORED]
    assert "accepts no CT Image Storage in Explicit VR Little Endian" in results[0].status
    assert [result.class_refused for result in results] == [True, False]


def test_a_peer_that_takes_nothing_is_a_refusal(desk: Desk) -> None:
    with peer(only_verification=True) as told:
        (result,) = desk.destination(told.port).store([desk.parcel()])
    assert result.answered is Answered.REFUSED
    assert "none of the SOP classes" in result.status
    assert result.class_refused


def test_a_permanent_rejection_is_a_refusal_with_its_reason(desk: Desk) -> None:
    with peer() as told:
        node = DestinationNode(name="pacs", url=f"dicom://WRONG@127.0.0.1:{told.port}")
        destination = open_destination(node, calling_ae="PREREAD", opener=desk.spool.open)
        results = destination.store([desk.parcel("a"), desk.parcel("b")])
        with pytest.raises(Unavailable, match="Called AE title"):
            destination.echo()
    assert {result.answered for result in results} == {Answered.REFUSED}
    assert "Called AE title not recognised" in results[0].status


def test_nobody_there_is_away_and_asked_only_once(desk: Desk) -> None:
    parcels = [desk.parcel(str(number)) for number in range(20)]
    started = time.monotonic()
    results = desk.destination(1).store(parcels)
    assert {result.answered for result in results} == {Answered.AWAY}
    assert time.monotonic() - started < PATIENCE_S


def test_an_unknown_host_is_away(desk: Desk) -> None:
    node = DestinationNode(name="pacs", url="dicom://PEER@no-such-host.invalid:104")
    destination = open_destination(node, calling_ae="PREREAD", opener=desk.spool.open)
    assert destination.store([desk.parcel()])[0].answered is Answered.AWAY


def test_a_lost_answer_is_away_and_the_same_uid_is_sent_again(desk: Desk) -> None:
    """The peer has stored, its answer is cut off: the resend repeats the UID and the peer decides."""
    parcel = desk.parcel()
    with peer() as told:
        accepted = _bytes_of_acceptance(told.port)
        with line_to(told.port, break_after=accepted) as broken:
            (first,) = desk.destination(broken, dimse_s=2).store([parcel])
        destination = desk.destination(told.port)
        (second,) = destination.store([parcel])
        destination.close()
    assert first.answered is Answered.AWAY
    assert "same UID" in first.status
    assert second.answered is Answered.STORED
    assert told.received == [str(parcel.sop_instance_uid)] * 2


def test_a_peer_that_falls_silent_is_away_within_its_timeout(desk: Desk) -> None:
    with peer() as told:
        accepted = _bytes_of_acceptance(told.port)
        with line_to(told.port, mute_after=accepted) as mute:
            started = time.monotonic()
            results = desk.destination(mute, dimse_s=1, acse_s=1).store([desk.parcel("a")])
            took = time.monotonic() - started
    assert [result.answered for result in results] == [Answered.AWAY]
    assert took < PATIENCE_S


def test_a_line_that_swallows_everything_is_away_within_its_timeout(desk: Desk) -> None:
    with peer() as told, line_to(told.port, mute_after=0) as mute:
        started = time.monotonic()
        (result,) = desk.destination(mute, acse_s=1).store([desk.parcel()])
        assert time.monotonic() - started < PATIENCE_S
    assert result.answered is Answered.AWAY


def test_a_peer_that_stops_reading_is_away_within_its_timeout(desk: Desk) -> None:
    """Its window closes in the middle of a large object."""
    import socket

    from tests.support.senders import receive_pdu

    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept_and_stop_reading() -> None:
        connection, _ = listener.accept()
        held.append(connection)
        request = receive_pdu(connection)
        connection.sendall(_acceptance_of(request))

    threading.Thread(target=accept_and_stop_reading, daemon=True).start()
    parcel = desk.parcel(PixelData=bytes(64 * 1024**2), Rows=8192, Columns=4096)
    started = time.monotonic()
    (result,) = desk.destination(listener.getsockname()[1], dimse_s=1).store([parcel])
    took = time.monotonic() - started
    for connection in [*held, listener]:
        connection.close()
    assert result.answered is Answered.AWAY
    assert took < PATIENCE_S


def test_a_restarted_peer_is_found_again(desk: Desk) -> None:
    with peer() as told:
        destination = desk.destination(told.port)
        destination.store([desk.parcel("a")])
    assert destination.store([desk.parcel("b")])[0].answered is Answered.AWAY
    destination.close()


def test_an_own_copy_that_is_gone_is_tried_later_and_nothing_was_sent(desk: Desk) -> None:
    parcel = desk.parcel()
    desk.spool.remove(parcel.location)
    with peer() as told:
        destination = desk.destination(told.port)
        (result,) = destination.store([parcel])
        destination.close()
    assert (result.answered, result.sent) == (Answered.LATER, False)
    assert "own copy" in result.status


def _bytes_of_acceptance(port: int) -> int:
    """How long the peer's A-ASSOCIATE-AC to a destination with one context is."""
    from tests.support.senders import associate_request, connect, receive_pdu

    with connect(port) as probe:
        probe.sendall(associate_request(called=b"PEER"))
        return len(receive_pdu(probe)) + 8


def _acceptance_of(request: bytes) -> bytes:
    """An A-ASSOCIATE-AC that accepts context 1 of `request` (PS3.8 9.3.3)."""
    from struct import pack

    def item(kind: int, value: bytes) -> bytes:
        return bytes([kind, 0]) + pack(">H", len(value)) + value

    context = item(0x21, bytes([1, 0, 0, 0]) + item(0x40, ExplicitVRLittleEndian.encode()))
    user = item(0x50, item(0x51, pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
    body = request[6:74] + item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    return b"\x02\0" + pack(">L", len(body)) + body


# --- identity and echo ------------------------------------------------------------------------------------------


def found(**attributes: str) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 100"
    made.QueryRetrieveLevel = "STUDY"
    made.StudyInstanceUID = uid("study")
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def test_the_identity_is_what_the_archive_has_now(desk: Desk) -> None:
    asked: list[Dataset] = []

    def find(event: Any) -> Iterator[Any]:
        asked.append(event.identifier)
        yield (
            0xFF00,
            found(
                PatientID="4712", IssuerOfPatientID="H", PatientName="Müller^Anna", AccessionNumber="A2", PatientSex="F"
            ),
        )
        yield 0x0000, None

    with peer(find=find) as told:
        identity = desk.destination(told.port).identity(uid("study"))
    assert identity is not None
    assert (identity.patient.patient_id, identity.patient.issuer, identity.patient.name) == ("4712", "H", "Müller^Anna")
    assert identity.accession_number == "A2"
    assert asked[0].StudyInstanceUID == uid("study")
    assert asked[0].QueryRetrieveLevel == "STUDY"


def test_an_unknown_study_or_another_s_answer_is_none(desk: Desk) -> None:
    def nothing(event: Any) -> Iterator[Any]:
        yield 0x0000, None

    def other(event: Any) -> Iterator[Any]:
        answer = found(PatientID="X")
        answer.StudyInstanceUID = uid("another")
        yield 0xFF00, answer
        yield 0x0000, None

    for find in (nothing, other):
        with peer(find=find) as told:
            assert desk.destination(told.port).identity(uid("study")) is None


@pytest.mark.parametrize("status", [0x0122, 0xA700, 0xA900, 0xC001, 0xFE00])
def test_a_failed_query_says_nothing_of_the_study(desk: Desk, status: int) -> None:
    def fails(event: Any) -> Iterator[Any]:
        yield status, None

    with peer(find=fails) as told, pytest.raises(Unavailable, match=rf"0x{status:04X}; .*identity_check = false"):
        desk.destination(told.port).identity(uid("study"))


def test_an_answer_that_cannot_be_read_says_nothing_of_the_study(desk: Desk) -> None:
    def nameless(event: Any) -> Iterator[Any]:
        answer = found(PatientID="X")
        del answer.StudyInstanceUID
        yield 0xFF00, answer
        yield 0x0000, None

    with peer(find=nameless) as told, pytest.raises(Unavailable, match="cannot be read"):
        desk.destination(told.port).identity(uid("study"))


def test_a_rejected_association_says_nothing_of_the_study(desk: Desk) -> None:
    with peer(find=lambda event: iter(())) as told:
        node = DestinationNode(name="pacs", url=f"dicom://WRONG@127.0.0.1:{told.port}")
        destination = open_destination(node, calling_ae="PREREAD", opener=desk.spool.open)
        with pytest.raises(Unavailable, match="Called AE title not recognised"):
            destination.identity(uid("study"))


def test_an_archive_that_falls_silent_says_nothing_of_the_study(desk: Desk) -> None:
    release = threading.Event()

    def thinks(event: Any) -> Iterator[Any]:
        release.wait(PATIENCE_S)
        yield 0x0000, None

    with peer(find=thinks) as told:
        with pytest.raises(Unavailable, match="did not answer C-FIND"):
            desk.destination(told.port, dimse_s=0.5).identity(uid("study"))
        release.set()


def test_an_archive_without_c_find_cannot_say(desk: Desk) -> None:
    with peer() as told:
        assert desk.destination(told.port).identity(uid("study")) is None


def test_an_archive_that_is_away_is_unavailable(desk: Desk) -> None:
    with pytest.raises(Unavailable):
        desk.destination(1).identity(uid("study"))
    with pytest.raises(Unavailable):
        desk.destination(1).echo()


def test_an_archive_that_lists_without_end_is_cut_off(desk: Desk) -> None:
    def endless(event: Any) -> Iterator[Any]:
        for number in range(100_000):
            answer = found(PatientID=str(number))
            answer.StudyInstanceUID = uid("study", number)
            yield 0xFF00, answer

    with peer(find=endless) as told:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="more than 20 others"):
            desk.destination(told.port).identity(uid("study"))
        assert time.monotonic() - started < PATIENCE_S


def test_an_echo_says_what_was_heard(desk: Desk) -> None:
    with peer() as told:
        assert desk.destination(told.port).echo().startswith("0x0000 from PEER at 127.0.0.1")


@pytest.mark.parametrize(
    "url",
    ["dicom://127.0.0.1:104", "dicom://PEER@host", "dicom://SEVENTEEN_LETTERS@h:104", "dicom://P@h:99999", "http://x"],
)
def test_a_wrong_url_is_misconfigured_by_name(desk: Desk, url: str) -> None:
    with pytest.raises(Misconfigured, match="pacs"):
        open_destination(DestinationNode(name="pacs", url=url), calling_ae="PREREAD", opener=desk.spool.open)


def test_the_class_and_syntax_proposed_are_those_of_the_object(desk: Desk) -> None:
    with peer() as told:
        destination = desk.destination(told.port)
        destination.store([desk.parcel()])
        association = destination._association
        assert association is not None
        proposed = [(c.abstract_syntax, c.transfer_syntax[0]) for c in association.requestor.requested_contexts]
        destination.close()
    assert proposed == [(CTImageStorage, ExplicitVRLittleEndian)]
