"""File meta information for a dataset that came or goes without it (PS3.10 7.1)."""

from __future__ import annotations

from struct import Struct, pack
from typing import BinaryIO

from pydicom.uid import ImplicitVRLittleEndian

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from service.adapters.part10_window import ODD_SYNTAXES, Odd, Window, skip_meta
from service.domain.errors import Unreadable
from service.domain.uids import is_uid
from service.ports.headers import Meta

_SHORT_HEADER, _IMPLICIT_HEADER = Struct("<HH2sH").unpack_from, Struct("<HHI").unpack_from
_LONG_VRS = frozenset((b"OB", b"OW", b"SQ", b"UN", b"UT"))
_SOP_CLASS, _SOP_INSTANCE, _SYNTAX = 0x0002, 0x0003, 0x0010
_SOP_OF_DATASET = {0x0016: _SOP_CLASS, 0x0018: _SOP_INSTANCE}


def file_meta(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """A zeroed preamble and group 2, the same bytes for the same object, whoever sent it."""
    body = _element(0x0001, b"OB", b"\0\1")
    body += _element(0x0002, b"UI", _uid(sop_class_uid))
    body += _element(0x0003, b"UI", _uid(sop_instance_uid))
    body += _element(0x0010, b"UI", _uid(transfer_syntax_uid))
    body += _element(0x0012, b"UI", _uid(IMPLEMENTATION_CLASS_UID))
    body += _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode())
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", pack("<I", len(body))) + body


def skip_file_meta(part10: BinaryIO) -> int:
    """Move `part10` to its dataset and return how many bytes that has. Raises Unreadable without file meta."""
    window = Window(part10)
    try:
        skip_meta(window)
    except Odd as odd:
        raise Unreadable(f"The object is not in the DICOM file format: {odd}.") from odd
    part10.seek(window.position)
    return window.size - window.position


def own_meta(head: bytes) -> Meta | None:
    """What we write in place of the file meta information at the beginning of an object; the same as over C-STORE.

    Class and instance are those of the data set where `head` shows them: what was changed after it was written often
    kept the former ones beside it. None where the sent one cannot be read, does not end within `head`, or names no
    class, instance or transfer syntax.
    """
    found = {}
    # pydicom, unless told otherwise, writes file meta information without the preamble (dicomweb-client does).
    at = 132 if head[128:132] == b"DICM" else 0
    while at + 8 <= len(head):
        group, number, value, after = _explicit(head, at)
        if group != 2:
            break
        found[number] = head[value:after].strip(b"\0 ").decode("ascii", "replace")
        at = after
    else:
        return None
    syntax = found.get(_SYNTAX, "")
    found |= _sop_of(head, at, syntax)
    uids = [found.get(number, "") for number in (_SOP_CLASS, _SOP_INSTANCE, _SYNTAX)]
    if not all(map(is_uid, uids)):
        return None
    encoded = file_meta(sop_class_uid=uids[0], sop_instance_uid=uids[1], transfer_syntax_uid=uids[2])
    return Meta(sop_class_uid=uids[0], sop_instance_uid=uids[1], encoded=encoded, replaces=at)


def _sop_of(head: bytes, at: int, syntax: str) -> dict[int, str]:
    """SOP Class and Instance UID of a little endian data set at `at`, by the numbers that file meta gives them."""
    found: dict[int, str] = {}
    if syntax in ODD_SYNTAXES:
        return found
    step = _implicit if syntax == ImplicitVRLittleEndian else _explicit
    while at + 8 <= len(head):
        group, number, value, after = step(head, at)
        if (group, number) > (0x0008, 0x0018) or after > len(head):
            break
        text = head[value:after].strip(b"\0 ").decode("ascii", "replace")
        if group == 0x0008 and number in _SOP_OF_DATASET and is_uid(text):
            found[_SOP_OF_DATASET[number]] = text
        at = after
    return found


def _explicit(head: bytes, at: int) -> tuple[int, int, int, int]:
    """Group, element, and where the value at `at` begins and ends, by what its length says."""
    group, number, vr, length = _SHORT_HEADER(head, at)
    if vr in _LONG_VRS:
        return group, number, at + 12, at + 12 + int.from_bytes(head[at + 8 : at + 12], "little")
    return group, number, at + 8, at + 8 + length


def _implicit(head: bytes, at: int) -> tuple[int, int, int, int]:
    group, number, length = _IMPLICIT_HEADER(head, at)
    return group, number, at + 8, at + 8 + length


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    padded = value + (b"\0" if vr != b"SH" else b" ") * (len(value) % 2)
    length = pack("<HI", 0, len(padded)) if vr == b"OB" else pack("<H", len(padded))
    return pack("<HH", 2, number) + vr + length + padded


def _uid(text: str) -> bytes:
    return text.encode("ascii", "replace")[:64]
