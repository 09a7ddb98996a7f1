"""The acceptor's upper layer: PDUs within bounds, data straight to the hatch, no reading on after the end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pynetdicom.dul import DULServiceProvider

from dicom_nodes.scp.inbox import TooMuch
from dicom_nodes.scp.pdu import HEADER_BYTES, P_DATA, Gone, Malformed, Quiet, data_values, read_pdu
from dicom_nodes.transport import LateMachine

if TYPE_CHECKING:
    from dicom_nodes.scp.guard import GuardedAssociation

_QUIET_S = 0.05
"""How long a peer that is expected to go on is waited for, before it is looked what else there is to do."""
_LAST_WORDS = 256 * 1024


class BoundedDul(DULServiceProvider):
    """Reads PDUs within bounds and hands data straight to the association's hatch."""

    def __init__(self, association: GuardedAssociation) -> None:
        super().__init__(association)
        self._guarded = association
        self._room = bytearray()
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
            self._guarded.hatch.discard()

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
        # Nobody need look for messages while they are read.
        self._guarded._reactor_checkpoint.clear()
        try:
            more = self._read_one()  # of which the first byte is there already
            while more and self._may_go_on():
                more = self._read_one(quiet_s=_QUIET_S)
        finally:
            self._idle_timer.restart()
            self._bound_sending()
            self._guarded._reactor_checkpoint.set()

    def _bound_sending(self) -> None:
        """What the state machine sends would otherwise wait for ever for a peer that reads nothing."""
        connection = self._guarded.connection
        if connection is not None:
            with contextlib.suppress(OSError):  # closed by another thread
                connection.settimeout(self._guarded.desk.scp.network_timeout_s)

    def _may_go_on(self) -> bool:
        """Whether nothing of our own is to be sent or done first."""
        connection = self._guarded.connection
        if connection is None or self._kill_thread or self.to_provider_queue.queue or self.event_queue.queue:
            return False
        self._idle_timer.restart()
        return True

    def _read_one(self, quiet_s: float | None = None) -> bool:
        """Whether more is expected before anybody else has to act."""
        connection = self._guarded.connection
        if connection is None:
            self.event_queue.put("Evt17")
            return False
        established = self.state_machine.current_state == "Sta6"
        if established and not self._room:
            self._room = bytearray(HEADER_BYTES + self._guarded.desk.scp.max_pdu)
        try:
            pdu = read_pdu(
                connection,
                max_data=self._guarded.desk.scp.max_pdu,
                deadline_s=self._deadline_s(),
                quiet_s=quiet_s,
                room=self._room,
            )
            if pdu[0] == P_DATA and established:
                return self._data(pdu)
            decoded, event = self._decode_pdu(bytearray(pdu))
        except Quiet:
            return False
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

    def _data(self, pdu: memoryview) -> bool:
        """DT-2 without PDU objects (PS3.8 9.2.3)."""
        hatch = self._guarded.hatch
        for context_id, value in data_values(pdu):
            hatch.take(context_id, value)
        return hatch.expects_more

    def _deadline_s(self) -> float:
        if self.state_machine.current_state == "Sta2":
            return self._guarded.desk.scp.acse_timeout_s
        return self._guarded.desk.scp.network_timeout_s
