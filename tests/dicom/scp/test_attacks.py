"""The Storage SCP under attack: bounded in memory, time and places, and an honest C-ECHO is always answered."""

from __future__ import annotations

import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from struct import pack

import psutil
import pytest

from dicom_nodes.part10 import skip_file_meta
from dicom_nodes.scp.acceptor import HALF_OPEN_HERE
from dicom_nodes.scp.guard import GuardedAssociation
from dicom_nodes.scp.server import StorageScp
from dicom_nodes.scp.upper_layer import BoundedDul
from tests.support.instances import hostile, instance, part10, uid
from tests.support.receiving import RecordingLedger, scp_for
from tests.support.senders import (
    EXPLICIT,
    VERIFICATION,
    WAY,
    associate_request,
    associated,
    command,
    connect,
    echo_s,
    p_data,
    receive_pdu,
    rejection,
    status_in,
)
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.dicom

PROMPT_S = 15.0
"""An honest C-ECHO under attack takes hundredths of a second, and a few seconds at most on a machine that does other
things, too; one that waits for the attack to end waits for a minute."""


def grown_kb(before: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def is_dropped(peer: socket.socket, *, within_s: float = PATIENCE_S) -> bool:
    peer.settimeout(within_s)
    try:
        while data := peer.recv(4096):
            assert data[0] in {7, 3}, data.hex()  # an A-ABORT or a rejection may come first
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def flood(peer: socket.socket, messages: Iterable[bytes]) -> None:
    for message in messages:
        peer.sendall(message)


def test_silent_sockets_of_one_address_do_not_shut_others_out(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, acse_timeout_s=PATIENCE_S) as scp, ExitStack() as held:
        silent = [held.enter_context(connect(scp.port, source="127.0.0.2")) for _ in range(40)]
        assert echo_s(scp.port) < PROMPT_S
        turned_away = [peer for peer in silent[HALF_OPEN_HERE:] if is_dropped(peer, within_s=PATIENCE_S / 2)]
        assert len(turned_away) == len(silent) - HALF_OPEN_HERE, "those in whose time there is no place"
        assert not any(is_dropped(peer, within_s=0.01) for peer in silent[:HALF_OPEN_HERE])
        assert echo_s(scp.port) < PROMPT_S


def test_a_silent_socket_is_dropped_in_time(scp: StorageScp) -> None:
    with connect(scp.port) as peer:
        assert is_dropped(peer)


THREADS: dict[str, Callable[[threading.Thread], bool]] = {
    "of the connection": lambda thread: "process_request_thread" in thread.name,
    "of the association": lambda thread: isinstance(thread, GuardedAssociation),
    "of the upper layer": lambda thread: isinstance(thread, BoundedDul),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("is_missing", THREADS.values(), ids=THREADS)
def test_a_shortage_of_threads_takes_no_place_for_good(
    tmp_path: Path,
    ledger: RecordingLedger,
    monkeypatch: pytest.MonkeyPatch,
    is_missing: Callable[[threading.Thread], bool],
) -> None:
    start, failures = threading.Thread.start, iter(range(HALF_OPEN_HERE))

    def start_if_there_is_room(thread: threading.Thread) -> None:
        if is_missing(thread) and next(failures, None) is not None:
            raise RuntimeError("can't start new thread")
        start(thread)

    with scp_for(tmp_path / "spool", ledger, acse_timeout_s=PATIENCE_S) as scp:
        monkeypatch.setattr(threading.Thread, "start", start_if_there_is_room)
        for _ in range(HALF_OPEN_HERE):
            with connect(scp.port) as peer:
                assert is_dropped(peer, within_s=PATIENCE_S / 2)  # and not only because no request comes
        assert next(failures, None) is None
        assert echo_s(scp.port) < PROMPT_S


def test_a_place_is_given_back_once_and_only_by_its_own_association(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, network_timeout_s=PATIENCE_S) as scp, associated(scp.port):
        for _ in range(HALF_OPEN_HERE + 1):
            echo_s(scp.port)
        eventually(lambda: len(scp._gate.associations()) == 1)
        (held,) = scp._gate.associations()
        assert scp._gate.established() == 1
        assert held.dul.socket is not None
        scp._gate.leave(held.dul.socket.socket)  # as when its socket is closed before its thread is done
        assert scp._gate.associations() == [held]


def test_half_an_associate_request_is_dropped_in_time(scp: StorageScp) -> None:
    with connect(scp.port) as peer:
        peer.sendall(associate_request()[:50])
        assert is_dropped(peer)


def test_a_slow_drip_is_dropped_in_time(scp: StorageScp) -> None:
    with connect(scp.port) as peer:
        drips = ((bytes([byte]), time.sleep(0.05))[0] for byte in associate_request() * 9)  # a minute and a half
        with pytest.raises(ConnectionError):
            flood(peer, drips)


def test_an_idle_association_ends_as_lost_or_aborted(scp: StorageScp, ledger: RecordingLedger) -> None:
    with associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, command(sop_instance=uid("instance", "one").encode())))
        peer.sendall(p_data(1, 2, part10(instance())[part10(instance()).index(b"\x08\x00\x05\x00CS") :]))
        assert status_in(receive_pdu(peer)) == 0
        assert is_dropped(peer)
        eventually(lambda: ledger.closed)
    assert set(ledger.closed.values()) <= {"aborted", "lost"}
    assert ledger.closed


@pytest.mark.parametrize("kind", [1, 4])
def test_a_pdu_of_gigabytes_gets_no_memory(scp: StorageScp, kind: int) -> None:
    before = peak_kb()
    with associated(scp.port) if kind == 4 else connect(scp.port) as peer:
        peer.sendall(pack(">BBL", kind, 0, 2**32 - 1))
        with pytest.raises(ConnectionError):
            flood(peer, [bytes(65536)] * 2000)
        assert grown_kb(before) < 16 * 1024
    assert echo_s(scp.port) < PROMPT_S


def test_a_pdu_beyond_what_was_negotiated_is_aborted(scp: StorageScp, ledger: RecordingLedger) -> None:
    with associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, command()) + p_data(1, 0, bytes(200_000))[:1000])
        assert is_dropped(peer)
    assert any("announces" in event.text for event in ledger.events)


def test_a_command_set_without_end_is_aborted(scp: StorageScp) -> None:
    with associated(scp.port) as peer, pytest.raises(ConnectionError):
        flood(peer, [p_data(1, 1, bytes(30_000))] * 10_000)


def test_a_command_set_with_a_sequence_is_aborted(scp: StorageScp) -> None:
    nested = pack("<HHL", 0, 0x0001, 0xFFFFFFFF) + pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) * 1000
    with associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, nested))
        assert is_dropped(peer)
    assert echo_s(scp.port) < PROMPT_S


def test_an_event_report_takes_no_thread(scp: StorageScp, monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom would start one for each, and a PDU has room for hundreds."""
    served = []
    monkeypatch.setattr(GuardedAssociation, "_serve_request", lambda *request: served.append(request))
    with associated(scp.port) as peer:
        peer.sendall(p_data(1, 3, command(0x0100)) + p_data(1, 2, bytes(10)))
        assert is_dropped(peer, within_s=5)
    assert served == []


def test_cancels_without_a_request_are_ignored(scp: StorageScp) -> None:
    with associated(scp.port, abstract=VERIFICATION) as peer:
        for number in range(12):  # pynetdicom keeps ten
            canceled = pack("<HHLH", 0, 0x0120, 2, number)
            peer.sendall(p_data(1, 3, command(0x0FFF, sop_class=VERIFICATION, dataset=False) + canceled))
            time.sleep(0.01)
        peer.sendall(p_data(1, 3, command(0x0030, sop_class=VERIFICATION, dataset=False)))
        assert status_in(receive_pdu(peer)) == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_thread_outlives_its_association(scp: StorageScp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*request: object) -> None:
        raise AssertionError

    monkeypatch.setattr(GuardedAssociation, "_serve_request", fail)
    with associated(scp.port, abstract=VERIFICATION) as peer:
        (association,) = scp._gate.associations()
        peer.sendall(p_data(1, 3, command(0x0030, sop_class=VERIFICATION, dataset=False)))
        assert is_dropped(peer, within_s=5)
        association.dul.join(5)
        assert not association.dul.is_alive()


@WAY
def test_an_endless_object_is_cut_off_and_leaves_nothing(tmp_path: Path, ledger: RecordingLedger, plain: bool) -> None:
    with scp_for(tmp_path / "spool", ledger, max_object_bytes=1024**2) as scp:
        before = peak_kb()
        with associated(scp.port) as peer:
            peer.sendall(p_data(1, 3, command(plain=plain)))
            with pytest.raises(ConnectionError):
                flood(peer, [p_data(1, 0, bytes(100_000))] * 4000)
        assert grown_kb(before) < 32 * 1024
        assert echo_s(scp.port) < PROMPT_S
        assert not list((tmp_path / "spool").rglob("*.part"))
    assert any("max_object_bytes" in event.text for event in ledger.events)


@WAY
def test_an_object_that_is_too_large_is_refused_by_status(tmp_path: Path, ledger: RecordingLedger, plain: bool) -> None:
    with (
        scp_for(tmp_path / "spool", ledger, max_object_bytes=1024**2) as scp,
        associated(scp.port) as peer,
    ):
        peer.sendall(p_data(1, 3, command(plain=plain)))
        for _ in range(20):
            peer.sendall(p_data(1, 0, bytes(100_000)))
        peer.sendall(p_data(1, 2, bytes(10)))
        assert status_in(receive_pdu(peer)) == 0xA700
        assert not list((tmp_path / "spool" / "incoming").iterdir())


def test_requests_without_waiting_are_bounded(scp: StorageScp) -> None:
    """Those that pynetdicom keeps in a queue; the hatch answers one before it reads the next."""
    with associated(scp.port) as peer, pytest.raises(ConnectionError):
        flood(peer, [p_data(1, 3, command(plain=False)) + p_data(1, 2, bytes(1000))] * 20_000)
    assert echo_s(scp.port) < PROMPT_S


def test_no_uid_makes_a_path(tmp_path: Path, ledger: RecordingLedger) -> None:
    names = [b"../../../../tmp/evil", b"/etc/passwd", b"a\nb", b"x" * 64, b"..", b"C:\\x", b"%2e%2e%2f", b"1.2.3\0.4"]
    with scp_for(tmp_path / "a" / "b" / "spool", ledger) as scp:
        for name in names:
            with associated(scp.port) as peer:
                peer.sendall(p_data(1, 3, command(sop_instance=name)) + p_data(1, 2, part10(instance())[132:]))
                try:
                    assert status_in(receive_pdu(peer)) in {0xC000, None}
                except (EOFError, ConnectionError):
                    continue
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and "spool" not in path.parts]
    assert outside == []
    kept = [path.name for path in (tmp_path / "a" / "b" / "spool").rglob("*") if path.is_file()]
    assert all(len(name) == 68 and set(name[:64]) <= set("0123456789abcdef") for name in kept)


@pytest.mark.slow
def test_hostile_objects_are_refused_while_others_are_served(scp: StorageScp, ledger: RecordingLedger) -> None:
    before = peak_kb()
    slowest = 0.0
    for what, data in hostile().items():
        if "meta" in what or data[128:132] != b"DICM":
            continue
        syntax = b"1.2.840.10008.1.2.1.99" if "deflate" in what else EXPLICIT
        with associated(scp.port, syntax=syntax) as peer:
            peer.sendall(p_data(1, 3, command(sop_instance=b"1.2.3.4")))
            body = data[len(data) - skip_file_meta(BytesIO(data)) :]
            for start in range(0, len(body), 60_000):
                last = start + 60_000 >= len(body)
                peer.sendall(p_data(1, 2 if last else 0, body[start : start + 60_000]))
            slowest = max(slowest, echo_s(scp.port))
            assert status_in(receive_pdu(peer)) == 0xC000, what
    assert slowest < PROMPT_S
    assert grown_kb(before) < 64 * 1024


@pytest.mark.slow
def test_mutated_pdus_crash_nothing_and_leak_nothing(scp: StorageScp) -> None:
    chance = random.Random(11)
    process = psutil.Process()
    session = associate_request() + p_data(1, 3, command()) + p_data(1, 2, part10(instance())[132:])
    echo_s(scp.port)
    threads, descriptors = threading.active_count(), process.num_fds()
    for _ in range(600):
        mutant = bytearray(session)
        for _ in range(chance.randint(1, 12)):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        with connect(scp.port) as peer:
            try:
                peer.sendall(mutant[: chance.randrange(len(mutant))])
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                continue
    eventually(lambda: threading.active_count() <= threads + 2 and not scp._gate.associations())
    assert echo_s(scp.port) < PROMPT_S
    eventually(lambda: threading.active_count() <= threads + 2 and process.num_fds() <= descriptors + 6)


def test_all_places_taken_is_a_transient_rejection(tmp_path: Path, ledger: RecordingLedger) -> None:
    with scp_for(tmp_path / "spool", ledger, max_associations=4) as scp, ExitStack() as held:
        for _ in range(3):
            held.enter_context(associated(scp.port))
        assert rejection(scp.port, associate_request()) == (2, 3, 2)
    assert "max_associations" in ledger.events[0].text


def test_a_web_browser_is_turned_away(scp: StorageScp) -> None:
    with connect(scp.port) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert is_dropped(peer)
    assert echo_s(scp.port) < PROMPT_S
