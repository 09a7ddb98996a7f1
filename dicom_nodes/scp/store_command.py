"""The command sets of C-STORE by struct: a plain request is decoded, its response encoded (PS3.7 9.3.1, 6.3.1).

What is not plain is not ours to judge: `decode` returns None for it, and pynetdicom hears the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

COMMAND, LAST = 1, 2
"""Bits of a message control header (PS3.8 E.2)."""

_ELEMENT, _SHORT, _LONG = Struct("<HHL"), Struct("<H"), Struct("<L")
_PDU, _PDV = Struct(">BxL"), Struct(">LBB")
_P_DATA = 4
_PDV_HEADERS = _PDV.size
_REQUEST, _RESPONSE, _NO_DATASET = 0x0001, 0x8001, 0x0101
_PRIORITIES = frozenset((0, 1, 2))

_GROUP_LENGTH, _CLASS, _FIELD, _MESSAGE_ID, _ANSWERED_ID = 0x0000, 0x0002, 0x0100, 0x0110, 0x0120
_PRIORITY, _DATASET, _STATUS, _COMMENT, _INSTANCE = 0x0700, 0x0800, 0x0900, 0x0902, 0x1000
_MOVER, _MOVER_ID = 0x1030, 0x1031
_NEEDED = frozenset((_CLASS, _FIELD, _MESSAGE_ID, _PRIORITY, _DATASET, _INSTANCE))
_KNOWN = _NEEDED | {_GROUP_LENGTH, _MOVER, _MOVER_ID}
_NUMBERS = frozenset((_FIELD, _MESSAGE_ID, _PRIORITY, _DATASET, _MOVER_ID))

_UID = re.compile(rb"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_LONGEST_UID = 64


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ with a data set."""

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str


def decode(command: bytes) -> StoreRequest | None:
    """The plain C-STORE-RQ that `command` is: known elements in order, each once and well-formed; None for the rest."""
    found: dict[int, bytes] = {}
    offset, before = 0, -1
    while offset < len(command):
        if offset + 8 > len(command):
            return None
        group, number, length = _ELEMENT.unpack_from(command, offset)
        offset += 8 + length
        if group or number <= before or number not in _KNOWN or offset > len(command):
            return None
        found[number], before = command[offset - length : offset], number
    return _request(found) if found.keys() >= _NEEDED else None


def _request(found: dict[int, bytes]) -> StoreRequest | None:
    if any(len(found[number]) != 2 for number in _NUMBERS & found.keys()):
        return None
    field, message_id, priority, dataset = (
        _SHORT.unpack(found[number])[0] for number in (_FIELD, _MESSAGE_ID, _PRIORITY, _DATASET)
    )
    sop_class, sop_instance = _uid(found[_CLASS]), _uid(found[_INSTANCE])
    if field != _REQUEST or priority not in _PRIORITIES or dataset == _NO_DATASET:
        return None
    if sop_class is None or sop_instance is None or len(found.get(_GROUP_LENGTH, bytes(4))) != 4:
        return None
    return StoreRequest(message_id, sop_class, sop_instance)


def _uid(value: bytes) -> str | None:
    """A UID as it should be, padded with one NUL at most (PS3.5 9.1, 6.2)."""
    text = value.removesuffix(b"\0")
    if len(text) > _LONGEST_UID or len(value) % 2 or not _UID.fullmatch(text):
        return None
    return text.decode("ascii")


def respond(request: StoreRequest, status: int, comment: str) -> bytes:
    """The command set of the C-STORE-RSP; `comment` is ASCII of at most 64 characters, or empty (PS3.7 C)."""
    sop_class, sop_instance = request.sop_class_uid.encode(), request.sop_instance_uid.encode()
    body = _element(_CLASS, sop_class) + _element(_FIELD, _SHORT.pack(_RESPONSE))
    body += _element(_ANSWERED_ID, _SHORT.pack(request.message_id)) + _element(_DATASET, _SHORT.pack(_NO_DATASET))
    body += _element(_STATUS, _SHORT.pack(status))
    if comment:
        body += _element(_COMMENT, comment.encode("ascii", "replace"), padding=b" ")
    body += _element(_INSTANCE, sop_instance)
    return _element(_GROUP_LENGTH, _LONG.pack(len(body))) + body


def _element(number: int, value: bytes, *, padding: bytes = b"\0") -> bytes:
    padded = value + padding * (len(value) % 2)
    return _ELEMENT.pack(0, number, len(padded)) + padded


def as_pdus(context_id: int, command: bytes, largest: int) -> bytes:
    """P-DATA-TF PDUs that carry `command` in fragments of even length; none is longer than `largest` bytes after its
    header, if that is not 0 (PS3.8 9.3.5, D.1.1)."""
    room = max((largest - _PDV_HEADERS) & ~1, 2) if largest else len(command)
    return b"".join(_pdus(context_id, command, room))


def _pdus(context_id: int, command: bytes, room: int) -> Iterator[bytes]:
    for start in range(0, len(command), room):
        fragment = command[start : start + room]
        control = COMMAND | (LAST if start + room >= len(command) else 0)
        yield _PDU.pack(_P_DATA, len(fragment) + _PDV_HEADERS)
        yield _PDV.pack(len(fragment) + 2, context_id, control)
        yield fragment
