"""The listening socket: handshakes off the accept loop, half-open connections bounded in all and per address."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Any

from pynetdicom.ae import ApplicationEntity
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_nodes.scp.guard import Desk, GuardedAssociation
from dicom_nodes.transport import ClosedSocket
from service.settings import Scp

HALF_OPEN = 64
HALF_OPEN_HERE = 8
"""Connections of one address that have not negotiated yet; more are closed at once."""

_ANSWERS_WAITING = 16 * 1024
"""Bytes that the kernel keeps for a peer: who reads no answers is noticed soon."""


@dataclass(eq=False, slots=True)
class _Visit:
    address: str
    association: GuardedAssociation | None = None

    @property
    def established(self) -> bool:
        return self.association is not None and self.association.is_established

    @property
    def runs(self) -> bool:
        return self.association is not None and self.association.is_alive()


class Gate:
    """Every open connection with its address; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: dict[socket.socket, _Visit] = {}

    def enter(self, connection: socket.socket, address: str) -> bool:
        """Whether there is room for one more that has not negotiated yet."""
        with self._lock:
            half_open = [visit for visit in self._visits.values() if not visit.established]
            here = sum(visit.address == address for visit in half_open)
            if len(half_open) >= HALF_OPEN or here >= HALF_OPEN_HERE:
                return False
            self._visits[connection] = _Visit(address)
            return True

    def associate(self, connection: socket.socket, association: GuardedAssociation) -> None:
        with self._lock:
            self._visits[connection].association = association

    def leave(self, connection: socket.socket) -> None:
        """The connection is closed, which may be said more than once.

        An association whose thread runs keeps its place until it is forgotten: a stop waits for it.
        """
        with self._lock:
            visit = self._visits.get(connection)
            if visit is not None and not visit.runs:
                del self._visits[connection]

    def forget(self, association: GuardedAssociation) -> None:
        """The association's thread is done."""
        with self._lock:
            for connection in [key for key, visit in self._visits.items() if visit.association is association]:
                del self._visits[connection]

    def established(self, address: str | None = None) -> int:
        """Associations in use, from one address or all."""
        with self._lock:
            return sum(v.established for v in self._visits.values() if address in {None, v.address})

    def associations(self) -> list[GuardedAssociation]:
        with self._lock:
            return [visit.association for visit in self._visits.values() if visit.association is not None]


def listening_entity(scp: Scp) -> ApplicationEntity:
    """The application entity behind an acceptor, with its timeouts."""
    entity = ApplicationEntity(scp.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = scp.max_pdu
    entity.maximum_associations = 2**31  # the door counts, and only those in use
    entity.acse_timeout = scp.acse_timeout_s
    entity.dimse_timeout = scp.dimse_timeout_s
    entity.network_timeout = scp.network_timeout_s
    return entity


class Acceptor(ThreadedAssociationServer):
    """Accepts connections and makes guarded associations of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, ae: ApplicationEntity, *, desk: Desk, gate: Gate, **server: Any) -> None:
        self.desk = desk
        self.gate = gate
        scp = desk.scp
        # Contexts are chosen when the request is there (dicom_nodes.scp.contexts).
        super().__init__(ae, (scp.host, scp.port), scp.ae_title, [], request_handler=_Handler, **server)

    def get_request(self) -> tuple[socket.socket, Any]:
        assert self.socket is not None
        connection, address = self.socket.accept()
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return self.gate.enter(request, client_address[0])

    def shutdown_request(self, request: Any) -> None:
        # Every failure between the accept and the association's thread comes by here, one to start a thread included.
        self.gate.leave(request)
        super().shutdown_request(request)

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ANSWERS_WAITING)
            if isinstance(request, ssl.SSLSocket):
                request.settimeout(self.desk.scp.acse_timeout_s)
                request.do_handshake()
        except OSError:  # an everyday matter, unlike what the caller reports with a traceback
            self.shutdown_request(request)
            return
        super().finish_request(request, client_address)

    def shutdown(self) -> None:
        BaseServer.shutdown(self)
        self.server_close()


class _Handler(RequestHandler):
    """Makes the association of one connection, as pynetdicom's handler does, but of our own class."""

    server: Acceptor

    def _create_association(self) -> GuardedAssociation:
        association = GuardedAssociation(self.ae, self.server.desk)
        association._server = self.server
        association.name = f"AcceptorThread@{self.client_address[0]}"
        assert isinstance(self.request, socket.socket)
        association.set_socket(ClosedSocket(association, client_socket=self.request))
        acceptor = association.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = self.server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        association.requestor.address_info = self.remote
        for event, handlers in self.server._handlers.items():
            if isinstance(handlers, tuple):
                association.bind(event, *handlers)
            else:
                for handler, arguments in handlers:
                    association.bind(event, handler, arguments)
        self.server.gate.associate(self.request, association)
        return association
