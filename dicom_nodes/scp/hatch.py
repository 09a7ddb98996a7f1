"""Hatch: plain C-STORE requests, taken in where they are read; everything else goes on to pynetdicom, byte for byte.

pynetdicom would take each request through data sets, queues and two threads that look once a millisecond
(decision 0151). It runs in the upper layer's thread: an object is answered before the next request is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynetdicom.pdu_primitives import P_DATA as DataPrimitive

from dicom_nodes.part10 import file_meta
from dicom_nodes.scp.contexts import is_storage
from dicom_nodes.scp.inbox import Arriving, TooMuch
from dicom_nodes.scp.pdu import MAX_COMMAND, Gone, Malformed, send_all
from dicom_nodes.scp.store_command import COMMAND, LAST, StoreRequest, as_pdus, decode, respond

if TYPE_CHECKING:
    from dicom_nodes.scp.guard import GuardedAssociation


class Hatch:
    """Takes the presentation data values of one association, in their order."""

    def __init__(self, association: GuardedAssociation) -> None:
        self._association = association
        self._desk = association.desk
        self._command: list[tuple[int, bytes]] = []
        """Context ID, control header and fragment of a command set that is not complete."""
        self._command_bytes = 0
        self._request: StoreRequest | None = None
        self._context_id = 0
        self._arriving: Arriving | None = None
        self.expects_more = False
        """Whether more will come before anybody else has to act: the rest of a message, or the next object."""

    def take(self, context_id: int, value: memoryview) -> None:
        """One control header with its fragment (PS3.8 E.2). Raises Malformed, TooMuch, Gone."""
        if self._arriving is not None:
            self._data(self._arriving, context_id, value)
        elif self._association.dimse.message is None and value[0] & COMMAND:
            self._command_set(context_id, value)
        elif self._command:
            raise Malformed("Data come in the middle of a command.")
        else:
            self._pass_on([(context_id, bytes(value))])

    def discard(self) -> None:
        """Remove what was received of an object that is not complete."""
        if self._arriving is not None:
            self._arriving.discard()

    def _command_set(self, context_id: int, value: memoryview) -> None:
        self._command.append((context_id, bytes(value)))
        self._command_bytes += len(value)
        self.expects_more = True
        if self._command_bytes > MAX_COMMAND:
            raise TooMuch(f"A command set is longer than {MAX_COMMAND} bytes.")
        if value[0] & LAST:
            fragments, self._command, self._command_bytes = self._command, [], 0
            if not self._begins(fragments):
                self._pass_on(fragments)

    def _begins(self, fragments: list[tuple[int, bytes]]) -> bool:
        """Whether the command set asks to store an object of the class that its context was accepted for; not while a
        request before it waits for pynetdicom's answer."""
        (context_id, *others) = {context_id for context_id, _ in fragments}
        context = self._association.accepted(context_id)
        request = decode(b"".join(fragment[1:] for _, fragment in fragments))
        if others or request is None or context is None or self._association.dimse.is_busy:
            return False
        if context.abstract_syntax != request.sop_class_uid or not is_storage(request.sop_class_uid):
            return False
        meta = file_meta(
            sop_class_uid=request.sop_class_uid,
            sop_instance_uid=request.sop_instance_uid,
            transfer_syntax_uid=str(context.transfer_syntax[0]),
        )
        self._request, self._context_id = request, context_id
        self._arriving = Arriving(begin=self._desk.begin, meta=lambda: meta, max_bytes=self._desk.scp.max_object_bytes)
        return True

    def _data(self, arriving: Arriving, context_id: int, value: memoryview) -> None:
        if value[0] & COMMAND:
            raise Malformed("A command comes in the middle of an object.")
        if context_id != self._context_id:
            raise Malformed("A message changes its presentation context.")
        arriving.write(value[1:])
        if value[0] & LAST:
            self._answer(arriving)

    def _answer(self, arriving: Arriving) -> None:
        request, self._request, self._arriving = self._request, None, None
        assert request is not None
        try:
            answer = self._desk.store(self._association, arriving, request.sop_instance_uid)
        finally:
            arriving.discard()
        pdus = as_pdus(
            self._context_id,
            respond(request, answer.status, answer.comment),
            self._association.requestor.maximum_length or 0,
        )
        connection = self._association.connection
        if connection is None:
            raise Gone("The connection was closed before the answer.")
        send_all(connection, pdus, deadline_s=self._desk.scp.network_timeout_s)

    def _pass_on(self, fragments: list[tuple[int, bytes]]) -> None:
        dimse = self._association.dimse
        for context_id, fragment in fragments:
            one = DataPrimitive()
            one.presentation_data_value_list.append((context_id, fragment))
            dimse.receive_primitive(one)
        self.expects_more = dimse.message is not None
