"""The acceptor's upper layer: PDUs within bounds, data straight to the DIMSE provider, no reading on after the end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA as DataPrimitive

from dicom_nodes.scp.inbox import TooMuch
from dicom_nodes.scp.pdu import P_DATA, Gone, Malformed, data_values, read_pdu
from dicom_nodes.transport import LateMachine

if TYPE_CHECKING:
    from dicom_nodes.scp.guard import GuardedAssociation

_PDUS_AT_ONCE = 64
_LAST_WORDS = 256 * 1024


class BoundedDul(DULServiceProvider):
    """Reads PDUs within bounds and hands data straight to the DIMSE provider."""

    def __init__(self, association: GuardedAssociation) -> None:
        super().__init__(association)
        self._guarded = association
        self.daemon = True
        self.state_machine = LateMachine(self)

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        except Exception as error:  # the boundary: the state machine raises what a PDU's content makes it
            self._guarded.desk.misbehaved(self._guarded, f"A PDU makes no sense ({type(error).__name__}).")
        finally:
            if self.socket is not None:
                self.socket.close()
            # An association that still waits for a request would keep its place until it times out.
            self.to_user_queue.put(None)  # type: ignore[arg-type, unused-ignore]  # stubs differ

    def _is_transport_event(self) -> bool:
        if self.state_machine.current_state == "Sta13" and self.socket is not None:
            # pynetdicom reads on for as long as the peer sends; a flood would keep the connection for ever.
            self._drain()
            self.socket.close()
            return True
        return super()._is_transport_event()

    def _drain(self) -> None:
        """Take a little of what is there: closing over unread data would destroy our last PDU at the peer."""
        connection = self.socket.socket if self.socket else None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.settimeout(0)
                connection.recv(_LAST_WORDS)

    def _read_pdu_data(self) -> None:
        for _ in range(_PDUS_AT_ONCE):
            if not self._read_one() or self.socket is None or not self.socket.ready:
                return

    def _read_one(self) -> bool:
        """Whether the association goes on in the middle of a message."""
        connection = self.socket.socket if self.socket else None
        if connection is None:
            self.event_queue.put("Evt17")
            return False
        try:
            pdu = read_pdu(connection, max_data=self._guarded.desk.scp.max_pdu, deadline_s=self._deadline_s())
            connection.settimeout(None)
            if pdu[0] == P_DATA and self.state_machine.current_state == "Sta6":
                return self._data(pdu)
            decoded, event = self._decode_pdu(pdu)
        except Gone:
            self._guarded.lost = True
            self.event_queue.put("Evt17")
            return False
        except (Malformed, TooMuch) as why:
            return self._abort(str(why))
        except Exception as error:  # the boundary: pynetdicom's decoders raise whatever foreign bytes make them
            return self._abort(f"A PDU cannot be decoded ({type(error).__name__}).")
        self.event_queue.put(event)
        self._recv_pdu.put(decoded)
        return False

    def _abort(self, why: str) -> bool:
        self._guarded.desk.misbehaved(self._guarded, why)
        self.event_queue.put("Evt19")
        return False

    def _data(self, pdu: bytearray) -> bool:
        """DT-2 without PDU objects (PS3.8 9.2.3): pass the fragments on; true within a message."""
        primitive = DataPrimitive()
        for context_id, value in data_values(pdu):
            primitive.presentation_data_value_list.append((context_id, bytes(value)))
        dimse = self._guarded.dimse
        dimse.receive_primitive(primitive)
        return dimse.message is not None

    def _deadline_s(self) -> float:
        if self.state_machine.current_state == "Sta2":
            return self._guarded.desk.scp.acse_timeout_s
        return self._guarded.desk.scp.network_timeout_s
