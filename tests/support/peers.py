"""Peers for destinations: an archive that answers as it is told, and a line that fails as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from dicom_nodes.transport import LateMachine


@dataclass
class Peer:
    """What a peer was sent; `status` is what it answers to the next C-STOREs."""

    port: int = 0
    status: int = 0
    received: list[str] = field(default_factory=list)
    syntaxes: list[str] = field(default_factory=list)
    associations: int = 0


@contextmanager
def peer(
    *,
    answer: Callable[[Any], Any] | None = None,
    find: Callable[[Any], Iterator[Any]] | None = None,
    syntaxes: list[str] | None = None,
    only_verification: bool = False,
) -> Iterator[Peer]:
    """A Storage SCP on a free port, called PEER; C-FIND if `find` is given."""
    told = Peer()

    def on_store(event: Any) -> int:
        told.received.append(str(event.request.AffectedSOPInstanceUID))
        told.syntaxes.append(str(event.context.transfer_syntax))
        return answer(event) if answer else told.status

    def on_open(event: Any) -> None:
        told.associations += 1

    entity = AE("PEER")
    entity.require_called_aet = True
    entity.add_supported_context(Verification)
    handlers: list[Any] = [(evt.EVT_C_STORE, on_store), (evt.EVT_ESTABLISHED, on_open)]
    if not only_verification:
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, syntaxes)
    if find:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        handlers.append((evt.EVT_C_FIND, find))
    with listening(entity, handlers) as told.port:
        yield told


@contextmanager
def listening(entity: AE, handlers: Sequence[Any]) -> Iterator[int]:
    """Serve on a free port, which is given; in the end nothing of it is left."""
    connections: list[socket.socket] = []

    def on_connect(event: Any) -> None:
        connections.append(event.assoc.dul.socket.socket)
        event.assoc.dul.state_machine = LateMachine(event.assoc.dul)

    told = [*handlers, (evt.EVT_CONN_OPEN, on_connect)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=told)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        for association in entity.active_associations:
            association.abort()
        for connection in connections:  # pynetdicom leaves one open that was reset
            connection.close()


@contextmanager
def line_to(port: int, *, break_after: int | None = None, mute_after: int | None = None) -> Iterator[int]:
    """A TCP proxy to `port`: resets after so many bytes from the peer, or says nothing more after them."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = [listener]
    stop = threading.Event()

    def back(client: socket.socket, server: socket.socket) -> None:
        seen = 0
        with suppress(OSError):
            while data := server.recv(65536):
                seen += len(data)
                if break_after is not None and seen > break_after:
                    client.close()
                    server.close()
                    return
                if mute_after is None or seen <= mute_after:
                    client.sendall(data)

    def forth(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def accept() -> None:
        while not stop.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            held.append(client)
            try:
                server = socket.create_connection(("127.0.0.1", port))
            except OSError:  # the peer has gone
                client.close()
                continue
            held.append(server)
            for carry in (back, forth):
                threading.Thread(target=carry, args=(client, server), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        for end in held:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
