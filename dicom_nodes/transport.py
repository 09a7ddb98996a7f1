"""A pynetdicom socket that is closed when it is done with."""

from __future__ import annotations

import contextlib
import socket

from pynetdicom.transport import AssociationSocket


class ClosedSocket(AssociationSocket):
    """pynetdicom does not close a socket that cannot be shut down: one that never connected, or was reset."""

    def _shutdown_socket(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
