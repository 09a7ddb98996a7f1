"""C-STORE by both ways in, the hatch and pynetdicom's own: the same bytes kept, the same answers, the same endings."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path
from struct import pack

import pytest

from dicom_nodes.part10 import file_meta
from dicom_nodes.scp import acceptor, server
from dicom_nodes.scp.server import StorageScp
from service.adapters.spool_files import FileSpool
from service.ports.ledger import Admission, Reception
from service.ports.ledger import Association as Caller
from tests.support.instances import instance, part10, uid
from tests.support.receiving import RecordingLedger, scp_for
from tests.support.senders import (
    CT_CLASS,
    EXPLICIT,
    VERIFICATION,
    WAY,
    WAYS,
    associate_request,
    associated,
    command,
    connect,
    echo_s,
    p_data,
    receive_pdu,
    status_in,
)
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.dicom


def request(name: str, *, plain: bool) -> bytes:
    return command(sop_instance=uid("instance", name).encode(), plain=plain)


def dataset(name: str) -> bytes:
    whole = part10(instance(name))
    return whole[whole.index(b"\x08\x00\x05\x00CS") :]


def kept(folder: Path, ledger: RecordingLedger) -> list[bytes]:
    return [FileSpool(folder)._path(reception.stored.location).read_bytes() for reception in ledger.receptions]


def as_kept(name: str) -> bytes:
    meta = file_meta(
        sop_class_uid=CT_CLASS.decode(), sop_instance_uid=uid("instance", name), transfer_syntax_uid=EXPLICIT.decode()
    )
    return meta + dataset(name)


def pdv(control: int, fragment: bytes, context_id: int = 1) -> bytes:
    return pack(">LBB", len(fragment) + 2, context_id, control) + fragment


def pdu(*values: bytes) -> bytes:
    body = b"".join(values)
    return pack(">BxL", 4, len(body)) + body


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def cut(control: int, data: bytes, size: int) -> list[bytes]:
    *first, last = pieces(data, size)
    return [*(pdv(control, piece) for piece in first), pdv(control | 2, last)]


def messages(command_set: bytes, data: bytes) -> dict[str, list[bytes]]:
    """The same message in other fragments, PDUs and segments."""
    plain = p_data(1, 3, command_set) + p_data(1, 2, data)
    return {
        "in two PDUs": [plain],
        "in one PDU": [pdu(pdv(3, command_set), pdv(2, data))],
        "in one PDU of many fragments": [pdu(*cut(1, command_set, 7), *cut(0, data, 50))],
        "in PDUs of one fragment": [pdu(value) for value in (*cut(1, command_set, 30), *cut(0, data, 131))],
        "with empty fragments": [
            pdu(pdv(1, b""), pdv(1, command_set), pdv(3, b"")) + pdu(pdv(0, b""), pdv(0, data), pdv(2, b""))
        ],
        "with empty PDUs": [pdu() + p_data(1, 3, command_set) + pdu() + p_data(1, 2, data)],
        "in segments": pieces(plain, 61),
    }


@WAY
def test_an_object_is_kept_byte_for_byte_however_it_is_cut(
    tmp_path: Path, scp: StorageScp, ledger: RecordingLedger, plain: bool
) -> None:
    names = []
    with associated(scp.port) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name in messages(b".", b"."):
            for segment in messages(request(name, plain=plain), dataset(name))[name]:
                peer.sendall(segment)
            assert status_in(receive_pdu(peer)) == 0, name
            names.append(name)
    assert kept(tmp_path / "spool", ledger) == [as_kept(name) for name in names]
    assert ledger.admissions == [Admission.NEW] * len(names)
    assert len(ledger.opened) == 1


def test_a_message_that_is_cut_at_any_byte_arrives(scp: StorageScp, ledger: RecordingLedger) -> None:
    """Two segments with a pause between them, at every boundary of the protocol and beside it."""
    data = dataset("one")
    sent = p_data(1, 3, request("one", plain=True)) + pdu(pdv(0, data[:10])) + pdu(pdv(2, data[10:]))
    second = len(p_data(1, 3, request("one", plain=True)))
    cuts = [1, 5, 6, 7, 11, 12, 13, second - 1, second, second + 1, second + 6, second + 12, second + 22, len(sent) - 1]
    with associated(scp.port) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in cuts:
            for start, end in pairwise([0, at, len(sent)]):
                peer.sendall(sent[start:end])
                time.sleep(0.003)
            assert status_in(receive_pdu(peer)) == 0, at
    assert set(ledger.admissions[1:]) == {Admission.DUPLICATE}


def test_an_echo_between_objects_is_answered_in_its_place(scp: StorageScp, ledger: RecordingLedger) -> None:
    echo = p_data(1, 3, command(0x0030, sop_class=VERIFICATION, dataset=False))
    with associated(scp.port) as peer:
        for name, plain in (("a", True), ("b", False), ("c", True)):
            peer.sendall(p_data(1, 3, request(name, plain=plain)) + p_data(1, 2, dataset(name)))
            assert receive_pdu(peer)[14:].find(pack("<HHLH", 0, 0x0100, 2, 0x8001)) > 0
            peer.sendall(echo)
            assert receive_pdu(peer)[14:].find(pack("<HHLH", 0, 0x0100, 2, 0x8030)) > 0
        peer.sendall(pack(">BxII", 5, 4, 0))
        assert receive_pdu(peer)[0] == 6
    assert ledger.admissions == [Admission.NEW] * 3


def test_both_ways_answer_with_the_same_bytes(scp: StorageScp) -> None:
    answers = []
    for plain in WAYS.values():
        with associated(scp.port) as peer:
            for data in (dataset("one"), b"no dataset at all"):
                peer.sendall(p_data(1, 3, request("one", plain=plain)) + p_data(1, 2, data))
                answers.append(receive_pdu(peer))
    assert answers[0] == answers[2]
    assert answers[1] == answers[3]
    assert status_in(answers[1]) == 0xC000


def ends_without_trace(peer: socket.socket, folder: Path, ledger: RecordingLedger) -> bool:
    """Whether the receiver ends the association, and keeps nothing of what was begun."""
    peer.settimeout(PATIENCE_S)
    try:
        while data := peer.recv(4096):
            assert data[0] == 7, data.hex()
    except ConnectionError:
        pass
    eventually(lambda: not list(folder.rglob("*.part")), what="a half object stays")
    return not ledger.receptions


HALVES = {
    "without a last fragment": pdu(pdv(0, dataset("one"))),
    "with a command in its middle": pdu(pdv(0, dataset("one")[:50]), pdv(3, command())),
    "in two contexts": pdu(pdv(0, dataset("one")[:50]), pdv(2, dataset("one")[50:], 3)),
    "with a fragment longer than its PDU": pack(">BxL", 4, 100) + pack(">LBB", 5000, 1, 2) + bytes(94),
    "with a fragment of no length": pack(">BxL", 4, 4) + bytes(4),
    "with half a PDU": p_data(1, 2, dataset("one"))[:-5],
}


@WAY
@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_half_an_object_is_never_kept(tmp_path: Path, ledger: RecordingLedger, plain: bool, half: bytes) -> None:
    with (
        scp_for(tmp_path / "spool", ledger, network_timeout_s=1) as scp,
        associated(scp.port) as peer,
    ):
        peer.sendall(p_data(1, 3, request("one", plain=plain)) + half)
        assert ends_without_trace(peer, tmp_path / "spool", ledger)
        echo_s(scp.port)


@WAY
def test_an_object_in_a_context_that_was_not_accepted_ends_the_association(
    tmp_path: Path, scp: StorageScp, ledger: RecordingLedger, plain: bool
) -> None:
    with associated(scp.port) as peer:
        peer.sendall(p_data(3, 3, request("one", plain=plain)) + p_data(3, 2, dataset("one")))
        assert ends_without_trace(peer, tmp_path / "spool", ledger)


def test_a_sender_that_reads_no_answers_is_cut_off(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, network_timeout_s=0.5) as scp, socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(20)
        peer.connect(("127.0.0.1", scp.port))
        peer.sendall(associate_request())
        receive_pdu(peer)
        messages = (p_data(1, 3, request("one", plain=True)) + p_data(1, 2, dataset("one"))) * 20_000
        with pytest.raises(ConnectionError):
            peer.sendall(messages)
        assert echo_s(scp.port) < 3


def test_a_sender_that_reads_no_echoes_is_cut_off(
    tmp_path: Path, ledger: RecordingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pynetdicom sends is bounded in time, too: an association that sends for ever would keep its place."""
    echo, answered = p_data(1, 3, command(0x0030, sop_class=VERIFICATION, dataset=False)), threading.Semaphore(0)
    monkeypatch.setattr(server, "_on_echo", lambda _: answered.release() or 0)
    monkeypatch.setattr(acceptor, "_ANSWERS_WAITING", 1)  # which the kernel makes a few KB
    with scp_for(tmp_path / "spool", ledger, network_timeout_s=0.5) as scp, socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        peer.connect(("127.0.0.1", scp.port))
        peer.sendall(associate_request(abstract=VERIFICATION))
        receive_pdu(peer)
        peer.sendall(echo)
        while answered.acquire(timeout=1):  # one at a time: more than a few that wait end the association, too
            peer.sendall(echo)
        until = time.monotonic() + 5
        while scp._gate.associations() and time.monotonic() < until:
            time.sleep(0.02)
        assert scp._gate.associations() == []
    assert ledger.events == []


@WAY
def test_an_object_that_is_sent_as_an_echo_ends_the_association(
    tmp_path: Path, scp: StorageScp, ledger: RecordingLedger, plain: bool
) -> None:
    """In a context for echoes, and in one for images under the class of echoes."""
    asked = command(sop_class=VERIFICATION, sop_instance=uid("instance", "one").encode(), plain=plain)
    for abstract in (VERIFICATION, CT_CLASS):
        with associated(scp.port, abstract=abstract) as peer:
            peer.sendall(p_data(1, 3, asked) + p_data(1, 2, dataset("one")))
            assert ends_without_trace(peer, tmp_path / "spool", ledger)


def test_answers_leave_in_the_order_of_their_requests(
    scp: StorageScp, ledger: RecordingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second object does not overtake the first by the other way, nor is the association opened twice."""
    opened = []

    def open_slowly(caller: Caller) -> None:
        opened.append(caller)
        time.sleep(0.2)

    monkeypatch.setattr(ledger, "open_association", open_slowly)
    asked = [request(name, plain=plain) for name, plain in (("a", False), ("b", True))]
    with associated(scp.port) as peer:
        for command_set, name in zip(asked, "ab", strict=True):
            peer.sendall(p_data(1, 3, command_set) + p_data(1, 2, dataset(name)))
        assert [uid("instance", name).encode() in receive_pdu(peer) for name in "ab"] == [True, True]
    assert len(opened) == 1


def test_a_connection_that_another_thread_closes_ends_its_association(scp: StorageScp) -> None:
    with associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, request("one", plain=True)) + p_data(1, 2, dataset("one"))[:50])
        time.sleep(0.1)
        (association,) = scp._gate.associations()
        assert association.dul.socket is not None
        association.dul.socket._shutdown_socket()
        association.join(3)
        assert not association.is_alive()


def test_an_object_that_is_stored_while_the_receiver_stops_is_answered(
    tmp_path: Path, ledger: RecordingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_it, order = threading.Event(), []

    def admit_slowly(reception: Reception) -> Admission:
        at_it.set()
        time.sleep(0.5)
        order.append("admitted")
        return Admission.NEW

    monkeypatch.setattr(ledger, "admit", admit_slowly)
    monkeypatch.setattr(ledger, "close_association", lambda *_, **__: order.append("closed") or [])
    with scp_for(tmp_path / "spool", ledger) as scp, associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, request("one", plain=True)) + p_data(1, 2, dataset("one")))
        assert at_it.wait(5)
        stop = threading.Thread(target=scp.stop, kwargs={"grace_s": 0.1})
        stop.start()
        assert status_in(receive_pdu(peer)) == 0
        assert receive_pdu(peer)[0] == 7
        stop.join()
    assert order[0] == "admitted"


def test_a_stop_does_not_wait_for_half_an_object(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, network_timeout_s=PATIENCE_S) as scp, associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, request("one", plain=True)) + p_data(1, 0, dataset("one")))
        eventually(lambda: list((tmp_path / "spool").rglob("*.part")), what="nothing of it comes")
        begun = time.monotonic()
        scp.stop(grace_s=0.2)
        assert time.monotonic() - begun < PATIENCE_S / 2
        assert ends_without_trace(peer, tmp_path / "spool", ledger)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of a node that nobody vouches for, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, made, both = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "node.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, "-subj", "/CN=preread", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


def test_objects_come_over_tls(tmp_path: Path, ledger: RecordingLedger, certificate: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate)
    theirs = ssl.create_default_context(cafile=str(certificate))
    theirs.check_hostname = False
    with (
        scp_for(tmp_path / "spool", ledger, ssl_context=ours) as scp,
        theirs.wrap_socket(connect(scp.port)) as peer,
    ):
        peer.sendall(associate_request())
        assert receive_pdu(peer)[0] == 2
        for name, plain in (("a", True), ("b", False), ("c", True)):
            # Many small PDUs in one record of TLS, so that what is decrypted already must not be waited for.
            values = [*cut(1, request(name, plain=plain), 40), *cut(0, dataset(name), 100)]
            peer.sendall(b"".join(pdu(value) for value in values))
            assert status_in(receive_pdu(peer)) == 0
    assert kept(tmp_path / "spool", ledger) == [as_kept(name) for name in "abc"]


def test_many_senders_at_once_lose_nothing(tmp_path: Path, scp: StorageScp, ledger: RecordingLedger) -> None:
    statuses: list[int | None] = []

    def send(sender: int) -> None:
        with associated(scp.port) as peer:
            for number in range(10):
                name = f"{sender}-{number}"
                peer.sendall(p_data(1, 3, request(name, plain=number % 3 > 0)) + p_data(1, 2, dataset(name)))
                statuses.append(status_in(receive_pdu(peer)))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert statuses == [0] * 60
    assert sorted(kept(tmp_path / "spool", ledger)) == sorted(as_kept(f"{s}-{n}") for s in range(6) for n in range(10))
