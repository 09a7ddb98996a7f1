"""Reading one PDU within bounds: its type, its length before any memory is given, a deadline for the whole."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from struct import Struct

MAX_ASSOCIATE = 256 * 1024
"""128 presentation contexts with every transfer syntax are about 150 KB."""
MAX_COMMAND = 16 * 1024
"""Bytes of one command set; a C-STORE request has about 200."""

P_DATA = 0x04
_HEADER = Struct(">BBL")
HEADER_BYTES = _HEADER.size
_FIXED = {0x03: 4, 0x05: 4, 0x06: 4, 0x07: 4}
_TAG_LENGTH = Struct("<HHL")
_COMMAND_FIELD, _EVENT_REPORT = 0x0100, b"\x00\x01"
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Malformed(Exception):
    """A PDU against the rules of PS3.8; the association is to be aborted."""


class Quiet(Exception):
    """Nothing has come; the peer may go on later."""


class Gone(Exception):
    """The peer closed the connection, or took too long over one PDU."""


def read_pdu(
    connection: socket.socket,
    *,
    max_data: int,
    deadline_s: float,
    quiet_s: float | None = None,
    room: bytearray | None = None,
) -> memoryview:
    """One whole PDU with its header; in `room`, if it is given and large enough: until the next one is read.

    Raises Malformed before memory is given, Gone past the deadline, Quiet if not a byte comes for `quiet_s`.
    """
    deadline = time.monotonic() + deadline_s
    header = bytearray(_HEADER.size)
    begun = 0 if quiet_s is None else _begin(connection, header, quiet_s)
    _fill(connection, memoryview(header)[begun:], deadline)
    kind, _, length = _HEADER.unpack(header)
    limit = {0x01: MAX_ASSOCIATE, 0x02: MAX_ASSOCIATE, P_DATA: max_data, **_FIXED}.get(kind)
    if limit is None:
        raise Malformed(f"PDU type 0x{kind:02X} is unknown.")
    if length > limit:
        raise Malformed(f"A PDU of type 0x{kind:02X} announces {length} bytes; {limit} are allowed.")
    size = _HEADER.size + length
    pdu = memoryview(room if room is not None and len(room) >= size else bytearray(size))[:size]
    pdu[: _HEADER.size] = header
    _fill(connection, pdu[_HEADER.size :], deadline)
    return pdu


def _begin(connection: socket.socket, header: bytearray, quiet_s: float) -> int:
    """Bytes of the header that came. Raises Quiet, Gone."""
    try:
        return _receive(connection, memoryview(header), quiet_s)
    except TimeoutError as error:
        raise Quiet from error


def _fill(connection: socket.socket, into: memoryview, deadline: float) -> None:
    while into:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Gone("A PDU was not complete in time.")
        try:
            into = into[_receive(connection, into, left) :]
        except TimeoutError as error:
            raise Gone("A PDU was not complete in time.") from error


def _receive(connection: socket.socket, into: memoryview, timeout_s: float) -> int:
    """How many bytes came. Raises TimeoutError, Gone."""
    try:
        connection.settimeout(timeout_s)
        if _QUICKACK is not None:
            # DCMTK senders leave Nagle's algorithm on and stall 40 ms per object for a delayed ACK.
            connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        received = connection.recv_into(into)
    except TimeoutError:
        raise
    except OSError as error:
        raise Gone(f"The connection broke: {error}.") from error
    if not received:
        raise Gone("The peer closed the connection.")
    return received


def send_all(connection: socket.socket, pdus: bytes, *, deadline_s: float) -> None:
    """Raises Gone if the peer does not take them in time."""
    connection.settimeout(deadline_s)
    try:
        connection.sendall(pdus)
    except OSError as error:  # a timeout, too
        raise Gone(f"An answer could not be sent: {error}.") from error


def data_values(pdu: bytearray | memoryview) -> Iterator[tuple[int, memoryview]]:
    """(context ID, control header and fragment) of every PDV of a P-DATA-TF (PS3.8 9.3.5). Raises Malformed."""
    view, offset = memoryview(pdu), _HEADER.size
    while offset < len(view):
        length = int.from_bytes(view[offset : offset + 4], "big")
        end = offset + 4 + length
        if length < 2 or end > len(view):
            raise Malformed("A presentation data value is longer than its PDU.")
        yield view[offset + 4], view[offset + 5 : end]
        offset = end


def check_command(command: bytes) -> None:
    """Only flat group 0000 elements may reach the parser (PS3.7 6.3.1), and no N-EVENT-REPORT-RQ pynetdicom, which
    starts a thread for each. Raises Malformed."""
    offset = 0
    while offset < len(command):
        if offset + 8 > len(command):
            raise Malformed("The command set ends in the middle of an element.")
        group, number, length = _TAG_LENGTH.unpack_from(command, offset)
        offset += 8 + length
        if group != 0 or offset > len(command):
            raise Malformed("The command set holds what no command has.")
        if number == _COMMAND_FIELD and command[offset - length : offset] == _EVENT_REPORT:
            raise Malformed("An event report comes where none is waited for.")
