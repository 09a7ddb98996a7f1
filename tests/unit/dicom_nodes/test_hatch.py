"""The hatch: whole objects are stored, each fragment in its place; all else reaches pynetdicom byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContext, build_context

from dicom_nodes.part10 import file_meta
from dicom_nodes.scp.hatch import Hatch
from dicom_nodes.scp.inbox import MAX_OVERRUN, Arriving, TooMuch
from dicom_nodes.scp.pdu import MAX_COMMAND, Gone, Malformed
from service.domain.errors import PrereadError, Unavailable
from service.flow.store_status import Answer, StoreStatus, status_of_error
from service.settings import Scp
from tests.support.senders import CT_CLASS, VERIFICATION, command, status_in

META = file_meta(
    sop_class_uid=CT_CLASS.decode(), sop_instance_uid="1.2.3.4", transfer_syntax_uid=str(ExplicitVRLittleEndian)
)
COMMAND, LAST = 1, 2
Values = list[tuple[int, bytes]]


class Bytes:
    """An Incoming in memory."""

    def __init__(self) -> None:
        self.data = b""
        self.removed = False

    def write(self, buffer: bytes | memoryview) -> None:
        self.data += buffer

    def __exit__(self, *ended: object) -> None:
        self.removed = True


@dataclass
class Desk:
    scp: Scp = field(default_factory=lambda: Scp(max_object_bytes=10_000))
    begun: list[Bytes] = field(default_factory=list)
    stored: list[tuple[str, bytes]] = field(default_factory=list)
    away: bool = False

    def begin(self) -> Any:
        if self.away:
            raise Unavailable("The disk is full.")
        self.begun.append(Bytes())
        return self.begun[-1]

    def store(self, association: object, arriving: Arriving | None, claimed_uid: str) -> Answer:
        assert arriving is not None
        if arriving.error is not None:
            return Answer(status_of_error(arriving.error), str(arriving.error))
        assert arriving.incoming is not None
        self.stored.append((claimed_uid, cast(Bytes, arriving.incoming).data))
        return Answer(StoreStatus.SUCCESS)


class Connection:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def sendall(self, data: bytes) -> None:
        if self.closed:
            raise BrokenPipeError
        self.sent.append(data)


class Dimse:
    """Takes whole messages without a data set, as pynetdicom's provider does a C-ECHO."""

    is_busy = False

    def __init__(self) -> None:
        self.heard: Values = []
        self.message: object = None

    def receive_primitive(self, primitive: P_DATA) -> None:
        ((context_id, value),) = primitive.presentation_data_value_list
        assert isinstance(value, bytes)
        self.heard.append((context_id, value))
        self.message = None if value[0] & LAST else self


class Line:
    """An association with what it hears and says, and its hatch."""

    def __init__(self, **desk: Any) -> None:
        self.desk, self.dimse, self.connection = Desk(**desk), Dimse(), Connection()
        self.requestor = self
        self.maximum_length = 16384
        self.hatch = Hatch(cast(Any, self))

    def accepted(self, context_id: int) -> PresentationContext | None:
        classes = {1: CT_CLASS.decode(), 5: VERIFICATION.decode()}
        return build_context(classes[context_id], ExplicitVRLittleEndian) if context_id in classes else None

    def hear(self, values: Values) -> None:
        room = bytearray(70_000)  # as in the upper layer, where the next PDU comes into the same place
        for context_id, value in values:
            room[: len(value)] = value
            self.hatch.take(context_id, memoryview(room)[: len(value)])

    @property
    def statuses(self) -> list[int | None]:
        return [status_in(sent) for sent in self.connection.sent]


def fragments(control: int, data: bytes, *cuts: int, context_id: int = 1) -> Values:
    """`data` in pieces that end at `cuts`."""
    pieces = [data[start:end] for start, end in pairwise([0, *sorted(cuts), len(data)])]
    last = len(pieces) - 1
    return [(context_id, bytes([control | (LAST if at == last else 0)]) + piece) for at, piece in enumerate(pieces)]


def test_an_object_is_stored_however_its_messages_are_cut() -> None:
    request, data = command(), bytes(range(60))
    for at in range(len(request) + 1):
        line = Line()
        line.hear(fragments(COMMAND, request, at) + fragments(0, data, at % 61, (at * 7) % 61))
        assert line.desk.stored == [("1.2.3.4", META + data)], at
        assert line.statuses == [0]
    assert line.dimse.heard == []


OBJECTS = st.lists(
    st.tuples(st.binary(max_size=80), st.booleans(), st.lists(st.integers(0, 80), max_size=4)), max_size=5
)


@given(OBJECTS)
def test_stores_and_other_requests_take_turns(messages: list[tuple[bytes, bool, list[int]]]) -> None:
    line, heard = Line(), []
    echo = command(0x0030, dataset=False)
    for data, echoes, cuts in messages:
        if echoes:
            heard += fragments(COMMAND, echo, *(min(cut, len(echo)) for cut in cuts))
            line.hear(heard[-len(cuts) - 1 :])
        else:
            line.hear(fragments(COMMAND, command()) + fragments(0, data, *(min(cut, len(data)) for cut in cuts)))
    assert [data for _, data in line.desk.stored] == [META + data for data, echoes, _ in messages if not echoes]
    assert line.dimse.heard == heard
    assert not line.hatch.expects_more or not messages[-1][1]


PIECES = st.sampled_from((b"", b"data", command(), command()[:30], command()[30:]))
PDVS = st.lists(st.tuples(st.sampled_from((1, 1, 1, 1, 3)), st.integers(0, 3), PIECES), max_size=12)


class Rules:
    """What a plain reading of PS3.7 and PS3.8 makes of fragments: the data of whole objects, in `stored`."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []
        self._asked: Values = []
        self._data: bytes | None = None
        self._elsewhere = False

    def allow(self, context_id: int, control: int, piece: bytes) -> bool:
        """Whether the association goes on."""
        if self._data is not None:
            if control & COMMAND or context_id != 1:
                return False
            self._data += piece
            if control & LAST:
                self.stored.append(META + self._data)
                self._data = None
        elif self._asked and not control & COMMAND:
            return False
        elif self._elsewhere or not control & COMMAND:
            self._elsewhere = not control & LAST
        else:
            self._asked.append((context_id, piece))
            if control & LAST:
                whole, contexts = b"".join(piece for _, piece in self._asked), {context for context, _ in self._asked}
                self._data = b"" if whole == command() and contexts == {1} else None
                self._asked = []
        return True


@given(PDVS)
def test_no_order_of_fragments_stores_what_was_not_sent_whole(pdvs: list[tuple[int, int, bytes]]) -> None:
    line, rules = Line(), Rules()
    for context_id, control, piece in pdvs:
        if not rules.allow(context_id, control, piece):
            with pytest.raises(Malformed):
                line.hear([(context_id, bytes([control]) + piece)])
            break
        line.hear([(context_id, bytes([control]) + piece)])
    line.hatch.discard()
    assert [data for _, data in line.desk.stored] == rules.stored
    assert line.statuses == [0] * len(rules.stored)
    assert all(begun.removed for begun in line.desk.begun)


@pytest.mark.parametrize(
    "intruder", [(1, b"\3" + command()), (3, b"\0data"), (1, b"\1\0")], ids=["command", "context", "piece of a command"]
)
def test_what_breaks_into_an_object_ends_the_association(intruder: tuple[int, bytes]) -> None:
    line = Line()
    line.hear([*fragments(COMMAND, command()), (1, b"\0some")])
    with pytest.raises(Malformed):
        line.hear([intruder])
    line.hatch.discard()
    assert line.desk.stored == []
    assert [begun.removed for begun in line.desk.begun] == [True]


def test_an_object_in_a_context_that_was_not_accepted_is_pynetdicom_s_matter() -> None:
    line = Line()
    sent = fragments(COMMAND, command(), context_id=3)
    line.hear(sent)
    assert line.dimse.heard == sent
    assert line.desk.begun == []


def test_an_object_of_another_class_than_its_context_is_pynetdicom_s_matter() -> None:
    line = Line()
    sent = fragments(COMMAND, command(sop_class=b"1.2.840.10008.5.1.4.1.1.4"))
    line.hear(sent)
    assert line.dimse.heard == sent


def test_an_object_in_a_context_for_echoes_is_pynetdicom_s_matter() -> None:
    line = Line()
    sent = fragments(COMMAND, command(sop_class=VERIFICATION), context_id=5)
    line.hear(sent)
    assert line.dimse.heard == sent


def test_nothing_overtakes_a_request_that_pynetdicom_has() -> None:
    line = Line()
    line.dimse.is_busy = True
    sent = fragments(COMMAND, command())
    line.hear(sent)
    assert line.dimse.heard == sent


def test_data_in_the_middle_of_a_command_end_the_association() -> None:
    line = Line()
    line.hear(fragments(COMMAND, command(), 20)[:1])
    with pytest.raises(Malformed):
        line.hear([(1, b"\2data")])
    assert line.dimse.heard == []


def test_a_request_whose_fragments_name_two_contexts_is_pynetdicom_s_matter() -> None:
    line = Line()
    first, last = fragments(COMMAND, command(), 20)
    line.hear([first, (3, last[1])])
    assert line.dimse.heard == [first, (3, last[1])]


def test_data_without_a_request_is_pynetdicom_s_matter() -> None:
    line = Line()
    line.hear([(1, b"\0data")])
    assert line.dimse.heard == [(1, b"\0data")]


@pytest.mark.parametrize("piece", [b"", b"\0", bytes(1000)])
def test_a_command_set_without_end_is_too_much(piece: bytes) -> None:
    line = Line()
    with pytest.raises(TooMuch, match="command set"):
        line.hear([(1, b"\1" + piece)] * (MAX_COMMAND + 1))


def test_an_object_beyond_its_bound_is_refused_when_it_is_over() -> None:
    line = Line()
    line.hear(fragments(COMMAND, command()) + fragments(0, bytes(30_000), 5000, 20_000))
    assert line.statuses == [0xA700]
    assert [begun.removed for begun in line.desk.begun] == [True]
    assert b"max_object_bytes" in line.connection.sent[0]


def test_an_object_without_end_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    line.hear(fragments(COMMAND, command()))
    with pytest.raises(TooMuch, match="max_object_bytes"):
        line.hear([(1, bytes(65_536))] * (MAX_OVERRUN // 65_536 + 2))


def test_a_spool_that_is_away_is_answered_when_the_object_is_over() -> None:
    line = Line(away=True)
    line.hear([*fragments(COMMAND, command()), (1, b"\x00some")])
    assert line.statuses == []
    line.hear([(1, b"\2more")])
    assert line.statuses == [0xA700]


def test_a_peer_that_is_gone_before_its_answer_is_gone() -> None:
    line = Line()
    line.connection.closed = True
    with pytest.raises(Gone):
        line.hear(fragments(COMMAND, command()) + fragments(0, b"data"))
    assert len(line.desk.stored) == 1  # it will come again, and be a duplicate


def test_an_error_is_answered_with_its_reason() -> None:
    class Refusing(Desk):
        def store(self, association: object, arriving: Arriving | None, claimed_uid: str) -> Answer:
            error: PrereadError = Unavailable("The ledger is away: größer als gedacht" + "." * 64)
            return Answer(status_of_error(error), str(error))

    line = Line()
    line.hatch._desk = cast(Any, Refusing())
    line.hear(fragments(COMMAND, command()) + fragments(0, b"data"))
    assert line.statuses == [0xA700]
    assert b"gr??er als gedacht" in line.connection.sent[0]
