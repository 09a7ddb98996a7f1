"""Associations that we request: opened with TCP_NODELAY, every send and receive timed, ended without hanging."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import build_context, build_role
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_nodes.part10 import skip_file_meta
from dicom_nodes.transport import BoundedSocket, LateMachine
from service.domain.errors import Refused, Unavailable

MAX_CONTEXTS = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2: odd numbers from 1 to 255)."""
_LARGEST_PDU = 128 * 1024
_IN_FLIGHT = 16
"""PDUs that wait in the upper layer, so that an object is never wholly in memory."""
_END_S = 2.0
"""How long an upper layer whose connection was cut may take to notice."""

Context = tuple[UID, UID]
"""SOP class and transfer syntax."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A node that we call, and how long we wait for it."""

    called_ae: str
    host: str
    port: int
    calling_ae: str
    connect_s: float = 10
    acse_s: float = 30
    dimse_s: float = 60

    def __str__(self) -> str:
        return f"{self.called_ae} at {self.host}:{self.port}"


def associate(peer: Peer, contexts: Iterable[Context], *, provided: Iterable[UID] = ()) -> Association:
    """Negotiate one context per pair; of the `provided` classes we are the SCP (PS3.7 D.3.3.4).

    Raises Unavailable (away, busy), Refused (rejected for good), NoContext (nothing accepted).
    """
    entity = _Caller(peer.calling_ae)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = peer.connect_s
    entity.acse_timeout = peer.acse_s
    entity.dimse_timeout = peer.dimse_s
    entity.network_timeout = peer.dimse_s * 2
    proposed = [build_context(sop_class, [syntax]) for sop_class, syntax in contexts][:MAX_CONTEXTS]
    handlers: list[evt.EventHandlerType] = [(evt.EVT_CONN_OPEN, _on_open, [peer.dimse_s])]
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            proposed,
            peer.called_ae,
            _LARGEST_PDU,
            ext_neg=[build_role(sop_class, scu_role=False, scp_role=True) for sop_class in provided],
            evt_handlers=handlers,
        )
    except OSError as error:
        raise Unavailable(f"{peer} cannot be found: {error.strerror or error}") from error
    if not association.is_established:
        _explain(association, peer)
    return association


class NoContext(Refused):
    """The peer talks to us, but about none of what was offered."""


class _Caller(ApplicationEntity):
    """Makes sockets of our own kind."""

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[ssl.SSLContext, str] | None
    ) -> AssociationSocket:
        assoc.dul.daemon = True  # a process that ends waits for no peer
        assoc.dul.state_machine = LateMachine(assoc.dul)
        made = BoundedSocket(assoc, address=address)
        made.tls_args = tls_args
        return made


def _explain(association: Association, peer: Peer) -> None:
    """Raise why there is no association."""
    answer = association.acceptor.primitive
    if not isinstance(answer, A_ASSOCIATE):
        raise Unavailable(f"{peer} does not answer")
    if association.is_rejected:
        words = f"{peer} rejected the association: {answer.result_str}, {answer.reason_str}"
        raise Unavailable(words) if answer.result == 2 else Refused(words)
    if answer.result == 0 and not association.accepted_contexts:
        raise NoContext(f"{peer} accepts none of the SOP classes and transfer syntaxes offered")
    raise Unavailable(f"{peer} ended the association at once")


def _on_open(event: evt.Event, timeout_s: float) -> None:
    transport = event.assoc.dul.socket
    connection = transport.socket if transport else None
    assert connection is not None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(timeout_s)  # else a peer that reads nothing blocks a send for ever


def context_id(association: Association, sop_class: UID, syntax: UID) -> int | None:
    """The accepted context of exactly this class and syntax."""
    for context in association.accepted_contexts:
        if context.abstract_syntax == sop_class and context.transfer_syntax[0] == syntax:
            return context.context_id
    return None


def store(association: Association, context: int, part10: BinaryIO, sop_class: UID, sop_instance: UID) -> int | None:
    """C-STORE the dataset of `part10` as it is; the status, or None if no answer came (PS3.4 B.2)."""
    length = skip_file_meta(part10)
    request = C_STORE()
    request.MessageID = 1
    request.Priority = 0
    request.AffectedSOPClassUID = sop_class
    request.AffectedSOPInstanceUID = sop_instance
    if isinstance(part10.name if hasattr(part10, "name") else None, str):
        request._dataset_path = (Path(part10.name), part10.tell())
    else:
        request.DataSet = BytesIO(part10.read(length))
    with Paused(association):
        if not _send(association, request, context):
            return None
        _, answer = association.dimse.get_msg(block=True)
    if answer is None or not answer.is_valid_response or not isinstance(answer, C_STORE):
        return None
    return answer.Status


def _send(association: Association, request: C_STORE, context: int) -> bool:
    """Hand the message to the upper layer, a few PDUs at a time; false if the peer stopped reading."""
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    largest = association.dimse.maximum_pdu_size or _LARGEST_PDU
    for pdu in message.encode_msg(context, min(largest, _LARGEST_PDU)):
        until = time.monotonic() + (association.dimse_timeout or 60)
        while association.dul.to_provider_queue.qsize() >= _IN_FLIGHT:
            if not association.is_established or not association.dul.is_alive() or time.monotonic() > until:
                return False
            time.sleep(0.0005)
        association.dul.send_pdu(pdu)
    return True


class Paused:
    """pynetdicom's reactor must not take an answer that somebody waits for."""

    def __init__(self, association: Association) -> None:
        self._association = association

    def __enter__(self) -> None:
        self._association._reactor_checkpoint.clear()
        while not self._association._is_paused and self._association.is_alive():
            time.sleep(0.0001)

    def __exit__(self, *ended: object) -> None:
        self._association._reactor_checkpoint.set()


def hang_up(association: Association) -> None:
    """Release if the peer still listens; never waits longer than the timeouts."""
    if association.is_established:
        association.release()
    drop(association)


def drop(association: Association) -> None:
    """Cut the connection; what the peer did not answer it may or may not have stored."""
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        transport._shutdown_socket()
    if not association.is_alive():
        return
    association._reactor_checkpoint.set()
    association._kill = association._is_paused = True
    association.is_established = False
    until = time.monotonic() + _END_S
    while association.dul.is_alive() and not association.dul.stop_dul():
        if time.monotonic() > until:  # pynetdicom would wait for its state machine for ever
            association.dul.kill_dul()
            return
        time.sleep(0.01)
