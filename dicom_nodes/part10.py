"""File meta information for a dataset that came or goes without it (PS3.10 7.1)."""

from __future__ import annotations

from struct import pack
from typing import BinaryIO

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from service.adapters.part10_window import Odd, Window, skip_meta
from service.domain.errors import Unreadable


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


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    padded = value + (b"\0" if vr != b"SH" else b" ") * (len(value) % 2)
    length = pack("<HI", 0, len(padded)) if vr == b"OB" else pack("<H", len(padded))
    return pack("<HH", 2, number) + vr + length + padded


def _uid(text: str) -> bytes:
    return text.encode("ascii", "replace")[:64]
