"""pynetdicom sockets that are closed when they are done with, and that take no PDU without bounds; and a state machine
that outlives what is said too late.
"""

from __future__ import annotations

import contextlib
import queue
import socket

from pynetdicom.fsm import StateMachine
from pynetdicom.transport import AssociationSocket

MAX_PDU = 256 * 1024
"""Bytes of one PDU that we take from a peer that we called: of an A-ASSOCIATE-AC with every context about 10 KB, of a
P-DATA-TF what we announced (PS3.8 D.1)."""


class ClosedSocket(AssociationSocket):
    """pynetdicom does not close a socket that cannot be shut down: one that never connected, or was reset."""

    def _shutdown_socket(self) -> None:
        connection = self.socket  # which another thread may take away
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class BoundedSocket(ClosedSocket):
    """pynetdicom gives memory for as many bytes as a peer announces."""

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > MAX_PDU:
            raise ConnectionAbortedError(f"A PDU announces {nr_bytes} bytes; {MAX_PDU} are allowed.")
        return super().recv(nr_bytes)


class LateMachine(StateMachine):
    """pynetdicom's upper layer dies of data for a peer that has gone or was cut off meanwhile; here they go nowhere."""

    def do_action(self, event: str) -> None:
        if event == "Evt9" and self.current_state in {"Sta1", "Sta13"}:  # no connection, or one that ends (PS3.8 9.2)
            with contextlib.suppress(queue.Empty):
                self.dul.to_provider_queue.get(block=False)
            return
        super().do_action(event)
