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
        assert time.monotonic() - started < 20, "the drip goes on for 45 seconds"
        stop.set()
        dripping.join()


VALUES = st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=1, max_size=40)), max_size=5)
"""(context ID, control header and fragment) of each PDV."""


def data_pdu(values: list[tuple[int, bytes]], tail: bytes = b"") -> bytearray:
    body = b"".join(pack(">LB", len(value) + 1, context) + value for context, value in values) + tail
    return bytearray(pack(">BBL", 4, 0, len(body)) + body)


@given(values=VALUES)
def test_data_values_are_those_that_were_sent(values: list[tuple[int, bytes]]) -> None:
    assert [(context, bytes(value)) for context, value in data_values(data_pdu(values))] == values


@given(values=VALUES, rest=st.binary(max_size=40), more=st.integers(1, 2**31))
def test_a_data_value_that_ends_outside_its_pdu_is_malformed(
    values: list[tuple[int, bytes]], rest: bytes, more: int
) -> None:
    with pytest.raises(Malformed):
        list(data_values(data_pdu(values, pack(">L", len(rest) + more) + rest)))


@pytest.mark.parametrize("tail", [b"\0", b"\0\0\0", bytes(4), pack(">L", 1) + b"\1"])
def test_a_data_value_without_room_for_its_headers_is_malformed(tail: bytes) -> None:
    with pytest.raises(Malformed):
        list(data_values(data_pdu([(1, b"\3data")], tail)))


def test_a_flat_command_set_passes_and_anything_else_does_not() -> None:
    element = pack("<HHL", 0, 0x100, 2) + b"\1\0"
    check_command(element * 3)
    for broken in (pack("<HHL", 8, 0x100, 2) + b"\1\0", element + b"\0", pack("<HHL", 0, 0, 0xFFFFFFFF)):
        with pytest.raises(Malformed):
            check_command(broken)
