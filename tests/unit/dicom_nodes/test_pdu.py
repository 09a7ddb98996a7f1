"""PDUs are read within bounds, before memory is given for them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_nodes.scp.pdu import Gone, Malformed, check_command, data_values, read_pdu


@contextmanager
def wire(data: bytes, *, close: bool = False) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        theirs.sendall(data)
        if close:
            theirs.close()
        yield ours


class Tcp(socket.socket):
    """A Unix socket that takes TCP's options."""

    def setsockopt(self, *option: object) -> None:  # type: ignore[override]
        pass


def read(data: bytes, *, close: bool = False, deadline_s: float = 5) -> bytearray:
    with wire(data, close=close) as ours, Tcp(fileno=ours.detach()) as tcp:
        return read_pdu(tcp, max_data=1000, deadline_s=deadline_s)


def test_a_whole_pdu_is_returned() -> None:
    pdu = pack(">BBL", 4, 0, 3) + b"abc"
    assert read(pdu + b"more") == pdu


@pytest.mark.parametrize(("kind", "length"), [(1, 2**32 - 1), (2, 2**31), (4, 1001), (5, 5), (7, 2**20)])
def test_a_length_beyond_its_kind_s_limit_is_malformed(kind: int, length: int) -> None:
    with pytest.raises(Malformed, match="announces"):
        read(pack(">BBL", kind, 0, length))


@pytest.mark.parametrize("kind", [0, 8, 22, 0x47])
def test_an_unknown_kind_is_malformed(kind: int) -> None:
    with pytest.raises(Malformed, match="unknown"):
        read(bytes([kind]) + b"ET / HTTP/1.1\r\n")


def test_a_peer_that_leaves_is_gone() -> None:
    with pytest.raises(Gone):
        read(pack(">BBL", 4, 0, 100) + b"abc", close=True)


def test_a_slow_drip_does_not_renew_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip() -> None:
        for byte in pack(">BBL", 4, 0, 900) + bytes(900):
            if stop.wait(0.05):
                return
            theirs.sendall(bytes([byte]))

    dripping = threading.Thread(target=drip)
    dripping.start()
    started = time.monotonic()
    with theirs, Tcp(fileno=ours.detach()) as tcp:
        with pytest.raises(Gone, match="in time"):
            read_pdu(tcp, max_data=1000, deadline_s=0.4)
        assert time.monotonic() - started < 1.5
        stop.set()
        dripping.join()


@given(data=st.binary(max_size=200))
def test_data_values_lie_inside_their_pdu(data: bytes) -> None:
    pdu = bytearray(pack(">BBL", 4, 0, len(data)) + data)
    try:
        found = list(data_values(pdu))
    except Malformed:
        return
    assert sum(len(value) + 5 for _, value in found) == len(data)


def test_a_flat_command_set_passes_and_anything_else_does_not() -> None:
    element = pack("<HHL", 0, 0x100, 2) + b"\1\0"
    check_command(element * 3)
    for broken in (pack("<HHL", 8, 0x100, 2) + b"\1\0", element + b"\0", pack("<HHL", 0, 0, 0xFFFFFFFF)):
        with pytest.raises(Malformed):
            check_command(broken)
