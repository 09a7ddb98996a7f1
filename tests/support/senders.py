"""Senders: DCMTK's tools, and raw bytes for what no honest sender does."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from struct import pack, unpack

import pytest

from tests.support.waiting import PATIENCE_S

CT_CLASS = b"1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = b"1.2.840.10008.1.1"
EXPLICIT = b"1.2.840.10008.1.2.1"

WAYS = {"by the hatch": True, "by pynetdicom": False}
WAY = pytest.mark.parametrize("plain", WAYS.values(), ids=WAYS)
"""Both ways in for an object: whether `command` is plain."""


def dcmtk(tool: str, port: int, *arguments: str | Path, called: str = "PREREAD", calling: str = "DCMTK") -> str:
    """Run one of DCMTK's SCUs against a loopback port and return all it said; skips where it is not installed."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"DCMTK's {tool} is not installed")
    command = [path, "-v", "-aec", called, "-aet", calling, "127.0.0.1", str(port), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, timeout=240, check=False)
    return (ran.stdout + ran.stderr).decode(errors="replace") + f"\nexit {ran.returncode}"


def echo_s(port: int) -> float:
    """Seconds that an honest C-ECHO takes; fails if it is not answered."""
    import time

    started = time.monotonic()
    with associated(port, abstract=VERIFICATION) as peer:
        peer.sendall(p_data(1, 3, command(0x0030, sop_class=VERIFICATION, dataset=False)))
        assert status_in(receive_pdu(peer)) == 0
        peer.sendall(pack(">BxII", 5, 4, 0))
        receive_pdu(peer)
    return time.monotonic() - started


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(source, 0))
    peer.settimeout(PATIENCE_S)
    return peer


def associated(
    port: int, *, abstract: bytes = CT_CLASS, syntax: bytes = EXPLICIT, calling: bytes = b"RAW"
) -> socket.socket:
    """A connection with an accepted association that has context 1."""
    peer = connect(port)
    peer.sendall(associate_request(abstract=abstract, syntax=syntax, calling=calling))
    answer = receive_pdu(peer)
    assert answer[0] == 2, f"not accepted: {answer.hex()}"
    return peer


def associate_request(
    *, abstract: bytes = CT_CLASS, syntax: bytes = EXPLICIT, called: bytes = b"PREREAD", calling: bytes = b"RAW"
) -> bytes:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2)."""

    def item(kind: int, value: bytes) -> bytes:
        return bytes([kind, 0]) + pack(">H", len(value)) + value

    context = item(0x20, bytes([1, 0, 0, 0]) + item(0x30, abstract) + item(0x40, syntax))
    user = item(0x50, item(0x51, pack(">L", 131072)) + item(0x52, b"1.2.3.4"))
    body = pack(">HH", 1, 0) + called.ljust(16) + calling.ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    return b"\x01\0" + pack(">L", len(body)) + body


def p_data(context: int, control: int, fragment: bytes) -> bytes:
    """P-DATA-TF with one fragment; control 3: last of a command, 0: data, 2: last of the data (PS3.8 E.2)."""
    value = pack(">L", len(fragment) + 2) + bytes([context, control]) + fragment
    return b"\x04\0" + pack(">L", len(value)) + value


def command(
    field: int = 0x0001,
    *,
    sop_class: bytes = CT_CLASS,
    sop_instance: bytes = b"1.2.3.4",
    dataset: bool = True,
    plain: bool = True,
) -> bytes:
    """A command set, C-STORE-RQ by default (PS3.7 9.3.1); not `plain`, it has an element that no command needs, so that
    our receiver leaves it to pynetdicom."""

    def element(number: int, value: bytes) -> bytes:
        return pack("<HHL", 0, number, len(value) + len(value) % 2) + value + b"\0" * (len(value) % 2)

    body = b"" if plain else element(0x0001, bytes(4))
    body += element(0x0002, sop_class) + element(0x0100, pack("<H", field)) + element(0x0110, pack("<H", 1))
    body += element(0x0700, pack("<H", 0)) + element(0x0800, pack("<H", 1 if dataset else 0x0101))
    if dataset:
        body += element(0x1000, sop_instance)
    return element(0x0000, pack("<L", len(body))) + body


def receive_pdu(peer: socket.socket) -> bytes:
    """One PDU; EOFError if the connection is closed instead."""
    header = _exactly(peer, 6)
    return header + _exactly(peer, unpack(">L", header[2:])[0])


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def status_in(pdu: bytes) -> int | None:
    """(0000,0900) of a response in a P-DATA-TF; None for another PDU."""
    if pdu[0] != 4:
        return None
    elements, at = pdu[12:], 0
    while at < len(elements):
        group, number, length = unpack("<HHL", elements[at : at + 8])
        if (group, number) == (0, 0x0900):
            return int(unpack("<H", elements[at + 8 : at + 10])[0])
        at += 8 + length
    return None


def rejection(port: int, request: bytes) -> tuple[int, int, int]:
    """(result, source, reason) of the A-ASSOCIATE-RJ that answers `request` (PS3.8 9.3.4)."""
    with connect(port) as peer:
        peer.sendall(request)
        answer = receive_pdu(peer)
        assert answer[0] == 3, f"not rejected: {answer.hex()}"
        return answer[7], answer[8], answer[9]


def dataset_bytes(files: Iterable[Path]) -> dict[str, bytes]:
    """What follows the file meta information, by SOP Instance UID."""
    from dicom_nodes.part10 import skip_file_meta
    from service.adapters.part10 import Part10Headers

    headers, found = Part10Headers(children=1), {}
    for path in files:
        with path.open("rb") as part10:
            uid = headers.read(part10).instance.sop_instance_uid
            skip_file_meta(part10)
            found[str(uid)] = part10.read()
    headers.close()
    return found
