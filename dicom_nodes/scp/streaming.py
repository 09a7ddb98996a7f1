"""The acceptor's DIMSE provider: every message writes into an Inbox, and its command set is bounded (PS3.7 6.3)."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA as DataPrimitive

from dicom_nodes.scp.inbox import Inbox, TooMuch
from dicom_nodes.scp.pdu import MAX_COMMAND, check_command

if TYPE_CHECKING:
    from dicom_nodes.scp.guard import GuardedAssociation

MAX_WAITING = 4
"""Requests of one association that wait for an answer; we accept no asynchronous operations."""


class StreamingDimse(DIMSEServiceProvider):
    """Gives every message an Inbox and bounds its command set."""

    def __init__(self, association: GuardedAssociation) -> None:
        super().__init__(association)
        self._guarded = association

    def receive_primitive(self, primitive: DataPrimitive) -> None:
        for context_id, value in primitive.presentation_data_value_list:
            one = DataPrimitive()
            one.presentation_data_value_list.append((context_id, value))
            self._fragment(one, value)

    def _fragment(self, primitive: DataPrimitive, value: bytes) -> None:
        if self.message is None:
            if self.msg_queue.qsize() >= MAX_WAITING:
                raise TooMuch("Requests are sent without waiting for their answers.")
            self.message = DIMSEMessage()
            self.message.data_set = self._inbox(self.message)
        if value[0] & 1:
            self._check_command(self.message, value)
        super().receive_primitive(primitive)

    def _inbox(self, message: DIMSEMessage) -> Inbox:
        return Inbox(
            message,
            begin=self._guarded.desk.begin,
            transfer_syntax=self._guarded.transfer_syntax,
            max_bytes=self._guarded.desk.scp.max_object_bytes,
        )

    def _check_command(self, message: DIMSEMessage, value: bytes) -> None:
        if message.encoded_command_set.tell() + len(value) > MAX_COMMAND:
            raise TooMuch(f"A command set is longer than {MAX_COMMAND} bytes.")
        if value[0] & 2:
            check_command(message.encoded_command_set.getvalue() + value[1:])

    def discard(self) -> None:
        """Remove what was received of objects that were never answered."""
        if self.message is not None and isinstance(self.message.data_set, Inbox):
            self.message.data_set.discard()
        while True:
            try:
                _, waiting = self.msg_queue.get_nowait()
            except queue.Empty:
                return
            inbox = getattr(waiting, "DataSet", None)
            if isinstance(inbox, Inbox):
                inbox.discard()
