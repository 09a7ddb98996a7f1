"""The Storage SCP with honest senders: everything arrives as it was sent, every refusal says why."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_nodes.send import send
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.event import EventKind
from service.domain.node import Source
from service.domain.rule import Forward
from service.ports.ledger import Admission
from tests.support.instances import instance, part10, uid
from tests.support.receiving import RecordingLedger, scp_for
from tests.support.senders import (
    WAY,
    associated,
    command,
    dataset_bytes,
    dcmtk,
    echo_s,
    p_data,
    receive_pdu,
    status_in,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.dicom


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    path.write_bytes(part10(instance()))
    return path


def stored_datasets(folder: Path, ledger: RecordingLedger) -> dict[str, bytes]:
    kept = [FileSpool(folder)._path(reception.stored.location) for reception in ledger.receptions]
    return dataset_bytes(kept)


def test_every_transfer_syntax_arrives_byte_for_byte(tmp_path: Path, ledger: RecordingLedger, test_data: Path) -> None:
    files = [path for folder in ("ts", "sr", "multiframe", "radiograph") for path in (test_data / folder).glob("*.dcm")]
    with scp_for(tmp_path / "spool", ledger) as scp:
        sent = send(files, host="127.0.0.1", port=scp.port, called_ae="PREREAD")
        arrived = [one.path for one in sent if one.stored]
        assert {one.status for one in sent if not one.stored} == {
            "cannot be read: (0020,000E) Series Instance UID is missing."
        }
        assert len(arrived) >= 20
        wanted = {}
        for path in arrived:
            wanted |= {uid: data for uid, data in dataset_bytes([path]).items() if uid not in wanted}
        got = {}
        for one_uid, data in stored_datasets(tmp_path / "spool", ledger).items():
            got.setdefault(one_uid, data)
    first = {r.stored.instance.sop_instance_uid: r for r in reversed(ledger.receptions)}
    assert set(got) == set(wanted) == set(first)
    same = [one_uid for one_uid in wanted if wanted[one_uid] == got[one_uid]]
    assert len(same) >= len(wanted) - 1  # one UID comes in several transfer syntaxes: a conflict, kept beside


@pytest.mark.parametrize("tool", ["storescu", "dcmsend"])
def test_dcmtk_senders_are_answered(tmp_path: Path, ledger: RecordingLedger, file: Path, tool: str) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        said = dcmtk(tool, scp.port, file)
    assert said.endswith("exit 0"), said
    assert ledger.admissions == [Admission.NEW]


def test_storescu_sends_compressed_objects_as_they_are(tmp_path: Path, test_data: Path) -> None:
    syntaxes = {
        "-xw": "CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
        "-xt": "CT1_JLSL.dcm",
        "-xu": "XA1_JLSN.dcm",
        "-xr": "MR1_RLE.dcm",
        "-xb": "CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
        "-xd": "CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
    }
    headers = Part10Headers(children=1)
    for option, name in syntaxes.items():
        spool, one = tmp_path / option, RecordingLedger()
        path = test_data / "ts" / name
        with scp_for(spool, one) as scp:
            said = dcmtk("storescu", scp.port, option, path)
        assert said.endswith("exit 0"), said
        stored = one.receptions[0].stored
        assert stored.instance.transfer_syntax_uid == dcmread(path).file_meta.TransferSyntaxUID, option
        # storescu writes sequences anew, so only its pixels are those of the file, byte for byte.
        with path.open("rb") as sent, FileSpool(spool).open(stored.location) as kept:
            assert headers.same_pixels(sent, kept), option
    headers.close()


def test_odd_files_are_taken_or_refused_by_name(tmp_path: Path, ledger: RecordingLedger, test_data: Path) -> None:
    files = [*sorted((test_data / "charset").glob("*.dcm")), *sorted((test_data / "corrupt").glob("*.dcm"))]
    with scp_for(tmp_path / "spool", ledger) as scp:
        for path in files:
            dcmtk("storescu", scp.port, path)  # whatever it says: no sender may hurt the receiver
        echo_s(scp.port)
    names = {reception.identity.patient.name for reception in ledger.receptions}
    assert {"Äneas^Rüdiger", "Wang^XiaoDong=王^小東", "Zhang^XiaoDong=张^小东", "Διονυσιος"} <= names
    assert all(event.kind is EventKind.QUARANTINED for event in ledger.events)


def test_an_association_is_recorded_from_its_first_object_to_its_release(
    tmp_path: Path, ledger: RecordingLedger, file: Path
) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        send([file], host="127.0.0.1", port=scp.port, called_ae="PREREAD", calling_ae="CT1")
        eventually(lambda: ledger.closed)
    (association,) = ledger.opened.values()
    assert (association.source, association.calling_ae_title, association.address) == ("any", "CT1", "127.0.0.1")
    assert ledger.closed == {association.association_id: "released"}


def test_an_echo_needs_no_ledger(tmp_path: Path, ledger: RecordingLedger) -> None:
    ledger.away = True
    with scp_for(tmp_path / "spool", ledger) as scp:
        assert dcmtk("echoscu", scp.port).endswith("exit 0")
    assert not ledger.opened


def test_a_wrong_called_title_is_rejected_and_told(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        for _ in range(3):
            assert "Called AE Title Not Recognized" in dcmtk("echoscu", scp.port, called="OTHER")
    (event,) = ledger.events
    assert event.kind is EventKind.REJECTED
    assert "'OTHER'" in event.text
    assert "correct the called AE title" in event.text


def test_a_stranger_is_rejected_and_told(tmp_path: Path, ledger: RecordingLedger) -> None:
    elsewhere = Source(name="ct", ae_title="CT1", networks=("10.0.0.0/8",))
    with scp_for(tmp_path / "spool", ledger, sources=(elsewhere,)) as scp:
        assert "Calling AE Title Not Recognized" in dcmtk("echoscu", scp.port, calling="CT1")
    assert "nodes.toml" in ledger.events[0].text


def test_below_the_disk_reserve_associations_wait(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, reserve_bytes=2**62) as scp:
        said = dcmtk("echoscu", scp.port)
    assert "Rejected Transient" in said
    assert "Local Limit Exceeded" in said


def test_an_abstract_syntax_that_is_no_storage_is_not_accepted(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        said = dcmtk("findscu", scp.port, "-S", "-k", "QueryRetrieveLevel=STUDY")
    assert "No Acceptable Presentation Contexts" in said


def one_by_one(scp_port: int, tmp_path: Path, *objects: bytes) -> list[str]:
    statuses = []
    for data in objects:
        path = tmp_path / "next.dcm"
        path.write_bytes(data)
        statuses.append(send([path], host="127.0.0.1", port=scp_port, called_ae="PREREAD")[0].status[:6])
    return statuses


def test_duplicates_corrections_and_conflicts_have_their_statuses(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        statuses = one_by_one(
            scp.port,
            tmp_path,
            part10(instance()),
            part10(instance()),
            part10(instance(PatientName="Maier^Anna")),
            part10(instance(PixelData=bytes(128))),
        )
    assert statuses == ["0x0000", "0x0000", "0x0000", "0x0111"]
    assert ledger.admissions == [Admission.NEW, Admission.DUPLICATE, Admission.CORRECTED, Admission.CONFLICT]


def test_the_sender_does_not_show_in_the_bytes(tmp_path: Path, ledger: RecordingLedger, file: Path) -> None:
    """Else the same object from two senders would be a correction."""
    with scp_for(tmp_path / "spool", ledger) as scp:
        for calling in ("CT1", "ROUTER"):
            send([file], host="127.0.0.1", port=scp.port, called_ae="PREREAD", calling_ae=calling)
        dcmtk("storescu", scp.port, file)
    assert ledger.admissions == [Admission.NEW, Admission.DUPLICATE, Admission.DUPLICATE]


@WAY
def test_an_unreadable_object_is_refused_and_kept(tmp_path: Path, ledger: RecordingLedger, plain: bool) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp, associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, command(plain=plain)) + p_data(1, 2, b"no dataset at all"))
        assert status_in(receive_pdu(peer)) == 0xC000
        peer.sendall(p_data(1, 3, command(plain=plain)) + p_data(1, 2, part10(instance())[400:]))
        assert status_in(receive_pdu(peer)) == 0xC000
    assert [event.kind for event in ledger.events] == [EventKind.QUARANTINED] * 2
    assert len(list((tmp_path / "spool" / "objects").rglob("*.dcm"))) == 2


def test_without_a_ledger_nothing_is_acknowledged(tmp_path: Path, ledger: RecordingLedger, file: Path) -> None:
    with scp_for(tmp_path / "spool", ledger) as scp:
        ledger.away = True
        assert one_by_one(scp.port, tmp_path, file.read_bytes()) == ["0xA700"]
        ledger.away = False
        assert one_by_one(scp.port, tmp_path, file.read_bytes()) == ["0x0000"]
        eventually(lambda: ledger.closed)


def test_an_ending_that_the_ledger_misses_is_written_later(tmp_path: Path, file: Path) -> None:
    class Forgetful(RecordingLedger):
        tries = 0

        def close_association(self, association_id, *, how, at):  # type: ignore[no-untyped-def]
            self.tries += 1
            self.away = self.tries == 1
            try:
                return super().close_association(association_id, how=how, at=at)
            finally:
                self.away = False

    ledger = Forgetful()
    with scp_for(tmp_path / "spool", ledger) as scp:
        send([file], host="127.0.0.1", port=scp.port, called_ae="PREREAD")
        eventually(lambda: ledger.closed)
    assert ledger.tries == 2


def test_a_sender_that_had_to_wait_for_its_answer_was_not_idle(tmp_path: Path) -> None:
    """Its object took longer to become durable than a sender may be silent: as if it had been sent in 1970."""
    from struct import pack

    from tests.support.senders import associated, command, p_data, receive_pdu, status_in

    class Slow(RecordingLedger):
        def admit(self, reception):  # type: ignore[no-untyped-def]
            (association,) = scp._gate.associations()
            association.dul._idle_timer._start_time = 0.0
            return super().admit(reception)

    whole = part10(instance())
    with scp_for(tmp_path / "spool", Slow()) as scp, associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, command(sop_instance=uid("instance", "one").encode())))
        peer.sendall(p_data(1, 2, whole[whole.index(b"\x08\x00\x05\x00CS") :]))
        assert status_in(receive_pdu(peer)) == 0
        peer.sendall(pack(">BxII", 5, 4, 0))
        assert receive_pdu(peer)[0] == 6, "released, not aborted"


def test_a_fault_of_our_own_is_named_as_such(tmp_path: Path, file: Path) -> None:
    class Broken(RecordingLedger):
        def admit(self, reception):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError

    with scp_for(tmp_path / "spool", Broken()) as scp:
        assert one_by_one(scp.port, tmp_path, file.read_bytes()) == ["0x0110"]


@WAY
def test_a_large_object_never_stands_in_memory(tmp_path: Path, ledger: RecordingLedger, plain: bool) -> None:
    """64 MB through a receiver in this process, sent in fragments that are made on the way."""
    whole = part10(instance("large"))
    head = whole[whole.index(b"\x08\x00\x05\x00CS") :]
    pixels = head.index(b"\xe0\x7f\x10\x00OW")
    size = 64 * 1024**2
    with scp_for(tmp_path / "spool", ledger) as scp, associated(scp.port) as peer:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peer.sendall(p_data(1, 3, command(sop_instance=uid("instance", "large").encode(), plain=plain)))
        peer.sendall(p_data(1, 0, head[:pixels] + b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little")))
        block = bytes(65536)
        for _ in range(size // len(block) - 1):
            peer.sendall(p_data(1, 0, block))
        peer.sendall(p_data(1, 2, block))
        assert status_in(receive_pdu(peer)) == 0
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 16 * 1024, f"{grown} KB"
    assert ledger.receptions[0].stored.size > size


def test_originals_wake_their_forwarder(tmp_path: Path, ledger: RecordingLedger, file: Path) -> None:
    from dataclasses import replace

    from service.domain.config import Configuration
    from tests.support.receiving import ANYBODY

    heard: list[str] = []
    forwarding = Configuration(sources=(replace(ANYBODY),), forwards=(Forward(destination="pacs"),))
    more = {"on_forward": heard.append, "configuration": lambda: forwarding}
    with scp_for(tmp_path / "spool", ledger, more=more) as scp:
        send([file, file], host="127.0.0.1", port=scp.port, called_ae="PREREAD")
    assert heard == ["pacs"]


def test_implicit_and_explicit_objects_go_over_one_association(tmp_path: Path, ledger: RecordingLedger) -> None:
    paths = []
    for number, syntax in enumerate((ExplicitVRLittleEndian, ImplicitVRLittleEndian)):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(part10(instance(str(number)), syntax))
    with scp_for(tmp_path / "spool", ledger) as scp:
        assert all(one.stored for one in send(paths, host="127.0.0.1", port=scp.port, called_ae="PREREAD"))
    assert len(ledger.opened) == 1
