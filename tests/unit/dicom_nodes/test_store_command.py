"""Command sets of C-STORE, held against pynetdicom's own: what we take it takes, and reads as we do."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from dicom_nodes.scp.pdu import data_values
from dicom_nodes.scp.store_command import StoreRequest, as_pdus, decode, respond

CT = "1.2.840.10008.5.1.4.1.1.2"

COMPONENT = st.integers(0, 10**12).map(str)
UIDS = st.lists(COMPONENT, min_size=2, max_size=4).map(".".join)
TITLES = st.text(st.characters(min_codepoint=33, max_codepoint=90), min_size=1, max_size=16)
SHORTS = st.integers(0, 65535).map(lambda number: pack("<H", number))
NUMBERS = st.sampled_from(
    (0x0000, 0x0001, 0x0002, 0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900, 0x1000, 0x1030, 0x1031)
)
VALUES = st.one_of(
    UIDS.map(lambda uid: uid.encode() + b"\0" * (len(uid) % 2)),
    SHORTS, st.sampled_from((b"\1\0", b"\0\0", b"\1\1", b"\2\0\0\0")), st.binary(max_size=12),
)  # fmt: skip


def element(number: int, value: bytes, *, group: int = 0, length: int | None = None) -> bytes:
    return pack("<HHL", group, number, len(value) if length is None else length) + value


def padded(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)


def plain(message_id: int = 7, sop_class: str = CT, sop_instance: str = "1.2.3.4") -> dict[int, bytes]:
    values = {
        0x0002: padded(sop_class), 0x0100: b"\1\0", 0x0110: pack("<H", message_id), 0x0700: b"\0\0", 0x0800: b"\1\0",
        0x1000: padded(sop_instance),
    }  # fmt: skip
    return {0x0000: pack("<L", len(encoded(values))), **values}


def encoded(values: dict[int, bytes]) -> bytes:
    return b"".join(element(number, value) for number, value in values.items())


def as_pynetdicom_reads(command: bytes) -> C_STORE:
    """What pynetdicom makes of a C-STORE-RQ; an AssertionError if it would not serve it."""
    fragments = P_DATA()
    fragments.presentation_data_value_list.append((1, b"\3" + command))
    message = DIMSEMessage()
    message.decode_msg(fragments)
    assert isinstance(message, C_STORE_RQ)
    request = message.message_to_primitive()
    assert isinstance(request, C_STORE)
    request.DataSet = BytesIO(b"x")
    assert request.is_valid_request
    return request


def assert_same(ours: StoreRequest, theirs: C_STORE) -> None:
    assert (ours.message_id, ours.sop_class_uid, ours.sop_instance_uid) == (
        theirs.MessageID,
        theirs.AffectedSOPClassUID,
        theirs.AffectedSOPInstanceUID,
    )


@given(message_id=st.integers(0, 65535), sop_instance=UIDS, mover=st.none() | TITLES, priority=st.integers(0, 2))
def test_what_pynetdicom_sends_is_plain(message_id: int, sop_instance: str, mover: str | None, priority: int) -> None:
    request = C_STORE()
    request.MessageID, request.Priority = message_id, priority
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(CT), UID(sop_instance)
    request.DataSet = BytesIO(b"x")
    if mover:
        request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID = mover, 9
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    sent = next(iter(message.encode_msg(1, 16384))).presentation_data_value_list[0][1][1:]
    ours = decode(sent)
    assert ours == StoreRequest(message_id, CT, sop_instance)
    assert_same(ours, as_pynetdicom_reads(sent))


@given(changes=st.dictionaries(NUMBERS, st.none() | VALUES, max_size=3), message_id=st.integers(0, 65535))
def test_whatever_is_taken_pynetdicom_reads_in_the_same_way(changes: dict[int, bytes | None], message_id: int) -> None:
    values = plain(message_id) | {number: value for number, value in changes.items() if value is not None}
    for number in [number for number, value in changes.items() if value is None]:
        values.pop(number, None)
    command = encoded(dict(sorted(values.items())))
    ours = decode(command)
    if ours is not None:
        assert_same(ours, as_pynetdicom_reads(command))


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_left(command: bytes) -> None:
    decode(command)


@given(at=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_byte_that_is_another_is_read_as_pynetdicom_reads_it(at: int, byte: int) -> None:
    command = bytearray(encoded(plain()))
    command[at % len(command)] = byte
    ours = decode(bytes(command))
    if ours is not None:
        assert_same(ours, as_pynetdicom_reads(bytes(command)))


def test_a_command_set_that_is_cut_anywhere_is_not_plain() -> None:
    whole = encoded(plain())
    assert decode(whole) == StoreRequest(7, CT, "1.2.3.4")
    assert [at for at in range(len(whole)) if decode(whole[:at])] == []


ODD = {
    "an element too many": {**plain(), 0x2000: b"\0\0"},
    "no instance": {number: value for number, value in plain().items() if number != 0x1000},
    "an echo": plain() | {0x0100: b"\x30\0"},
    "no data set": plain() | {0x0800: b"\1\1"},
    "a priority that there is not": plain() | {0x0700: b"\3\0"},
    "a number of four bytes": plain() | {0x0110: bytes(4)},
    "an odd length": plain() | {0x1000: b"1.2.3"},
    "a path": plain() | {0x1000: b"../../etc/passwd"},
    "a newline": plain() | {0x1000: b"1.2.3.4\n"},
    "two UIDs": plain() | {0x1000: b"1.2.3\\1.2.4\0"},
    "a leading zero": plain() | {0x1000: b"1.02.3"},
    "65 characters": plain() | {0x1000: b"1." + b"2" * 63 + b"\0"},
    "other digits": plain() | {0x1000: "1.٣.".encode() + b"1"},
}


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_what_is_not_plain_is_left_to_pynetdicom(values: dict[int, bytes]) -> None:
    assert decode(encoded(values)) is None


def test_other_orders_groups_and_lengths_are_left_to_pynetdicom() -> None:
    values = plain()
    whole = encoded(values)
    assert decode(encoded(dict(reversed(values.items())))) is None
    assert decode(whole + element(0x1030, b"A ", group=8)) is None
    assert decode(whole + element(0x1000, values[0x1000])) is None  # twice
    assert decode(whole + element(0x1030, b"A ", length=2**32 - 1)) is None
    assert decode(whole + element(0x1030, b"A ", length=4)) is None


@given(
    message_id=st.integers(0, 65535),
    sop_instance=UIDS,
    status=st.sampled_from((0x0000, 0xA700, 0xC000, 0x0111, 0x0110)),
    comment=st.text(st.characters(min_codepoint=33, max_codepoint=91), max_size=64),
)
def test_a_response_is_the_one_that_pynetdicom_would_send(
    message_id: int, sop_instance: str, status: int, comment: str
) -> None:
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo, answer.Status = message_id, status
    answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID = UID(CT), UID(sop_instance)
    if comment:
        answer.ErrorComment = comment
    message = C_STORE_RSP()
    message.primitive_to_message(answer)
    theirs = next(iter(message.encode_msg(1, 16384))).presentation_data_value_list[0][1][1:]
    assert respond(StoreRequest(message_id, CT, sop_instance), status, comment) == theirs


@given(command=st.binary(min_size=1, max_size=300), largest=st.sampled_from((0, 7, 8, 9, 64, 128, 16384)))
def test_no_pdu_is_longer_than_the_peer_takes(command: bytes, largest: int) -> None:
    rest, fragments = as_pdus(3, command, largest), []
    while rest:
        length = int.from_bytes(rest[2:6], "big")
        assert not largest or length <= max(largest, 8)
        fragments += [(context, bytes(value)) for context, value in data_values(bytearray(rest[: 6 + length]))]
        rest = rest[6 + length :]
    assert b"".join(value[1:] for _, value in fragments) == command
    assert {context for context, _ in fragments} == {3}
    assert all(len(value) % 2 for _, value in fragments[:-1])  # with the control header before an even fragment
    assert [value[0] for _, value in fragments] == [1] * (len(fragments) - 1) + [3]
