"""A DIMSE provider for who receives: every message writes into an Inbox, and its command set is bounded (PS3.7 6.3)."""

from __future__ import annotations

import queue
from collections.abc import Callable

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA as DataPrimitive

from dicom_nodes.scp.inbox import Inbox, TooMuch, arriving_in
from dicom_nodes.scp.pdu import MAX_COMMAND, Malformed, check_command
from service.ports.spool import Incoming

MAX_WAITING = 4
"""Requests of one association that wait for an answer; we accept no asynchronous operations."""


class StreamingDimse(DIMSEServiceProvider):
    """Gives every message an Inbox and bounds its command set."""

    def __init__(
        self,
        association: Association,
        *,
        begin: Callable[[], Incoming],
        transfer_syntax: Callable[[int], str | None],
        max_bytes: int,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """`begin` begins an object in the spool; `transfer_syntax` is what an accepted context carries; so many
        messages may wait until somebody takes them."""
        super().__init__(association)
        self._begin = begin
        self._transfer_syntax = transfer_syntax
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting

    @property
    def is_busy(self) -> bool:
        """Whether a message is with pynetdicom, or its answer not sent. In this order: an answer is queued before its
        message is done with (`GuardedAssociation._serve_request`)."""
        return self.msg_queue.unfinished_tasks > 0 or bool(self.dul.to_provider_queue.queue)

    def receive_primitive(self, primitive: DataPrimitive) -> None:
        for context_id, value in primitive.presentation_data_value_list:
            one = DataPrimitive()
            one.presentation_data_value_list.append((context_id, value))
            self._fragment(one, context_id, value)

    def _fragment(self, primitive: DataPrimitive, context_id: int, value: bytes) -> None:
        if self.message is None:
            if self.msg_queue.qsize() >= self._max_waiting:
                raise TooMuch("Requests are sent without waiting for their answers.")
            self.message = DIMSEMessage()
            self.message.data_set = self._inbox(self.message)
        if self.message.context_id not in {None, context_id}:
            raise Malformed("A message changes its presentation context.")
        if value[0] & 1:
            self._check_command(self.message, value)
        super().receive_primitive(primitive)

    def _inbox(self, message: DIMSEMessage) -> Inbox:
        return Inbox(
            message,
            begin=self._begin,
            transfer_syntax=self._transfer_syntax,
            max_bytes=self._max_bytes,
        )

    def _check_command(self, message: DIMSEMessage, value: bytes) -> None:
        if message.encoded_command_set.tell() + len(value) > MAX_COMMAND:
            raise TooMuch(f"A command set is longer than {MAX_COMMAND} bytes.")
        if value[0] & 2:
            check_command(message.encoded_command_set.getvalue() + value[1:])

    def discard(self) -> None:
        """Remove what was received of objects that were never answered."""
        if self.message is not None and (arriving := arriving_in(self.message.data_set)) is not None:
            arriving.discard()
        while True:
            try:
                _, waiting = self.msg_queue.get_nowait()
            except queue.Empty:
                return
            arriving = arriving_in(getattr(waiting, "DataSet", None))
            if arriving is not None:
                arriving.discard()
