"""Retrieving one image, Study Root: by C-GET over the association that asks, or by C-MOVE (PS3.4 C.4.2, C.4.3).

What C-GET brings goes into the spool as it comes, bounded; whatever was not asked for is refused and ends it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_nodes.association import Context, Peer, drop
from dicom_nodes.query import PENDING, SUCCESS, SYNTAXES, Left, in_time, in_words, taken_context
from dicom_nodes.scp.inbox import TooMuch, arriving_in, taken
from dicom_nodes.scp.pdu import Malformed
from dicom_nodes.scp.streaming import StreamingDimse
from service.domain.errors import PrereadError, Refused, Unavailable
from service.flow.store_status import StoreStatus, status_of_error
from service.ports.priors import Begin
from service.ports.spool import Incoming

GET = UID(StudyRootQueryRetrieveInformationModelGet)
MOVE = UID(StudyRootQueryRetrieveInformationModelMove)
GET_CONTEXTS: tuple[Context, ...] = tuple((GET, syntax) for syntax in SYNTAXES)
MOVE_CONTEXTS: tuple[Context, ...] = tuple((MOVE, syntax) for syntax in SYNTAXES)
CANCEL_S = 0.5
"""How long a peer that was told to stop may still say so; who does not is left."""
_MOST_WAITING = 1000
"""Answers that a peer may be ahead of us; a list of images is sent without waiting."""
_SOME_FAILED = 0xB000
"""Sub-operations complete, one or more failures or warnings (PS3.4 C.4.2.1.5)."""
_REFUSALS = {
    0x0122: "does not offer it",
    0x0124: "does not let us",
    0xA701: "is out of resources",
    0xA702: "is out of resources",
    0xA801: "does not know where we want it: its list of destinations needs our move_ae_title, with address and port",
    0xA900: "finds that the request makes no sense",
    0xFE00: "has stopped",
}


class ReceivingDimse(StreamingDimse):
    """Of an association that we requested: a peer beyond every bound is aborted, and `why` says it."""

    why = ""

    def receive_primitive(self, primitive: P_DATA) -> None:
        try:
            super().receive_primitive(primitive)
        except (TooMuch, Malformed) as why:
            self._end(str(why))
        except Exception as error:  # the boundary: pynetdicom's decoders raise whatever foreign bytes make them
            self._end(f"A message cannot be read ({type(error).__name__}).")

    def _end(self, why: str) -> None:
        self.why = self.why or why
        self.dul.event_queue.put("Evt19")
        self.msg_queue.put((None, None))


def receive_into(association: Association, begin: Begin, *, max_object_bytes: int) -> ReceivingDimse:
    """From now on objects of `association` go where `begin` says, and its answers are bounded in size and number."""
    syntaxes = {context.context_id: str(context.transfer_syntax[0]) for context in association.accepted_contexts}
    dimse = ReceivingDimse(
        association,
        begin=begin,
        transfer_syntax=syntaxes.get,
        max_bytes=max_object_bytes,
        max_waiting=_MOST_WAITING,
    )
    association.dimse = dimse
    return dimse


def get(association: Association, peer: Peer, query: Dataset, *, message_id: int, asked: UID, left_s: Left) -> Incoming:
    """The one image that `query` names, whole, over a paused association of `receive_into`.

    Raises Unavailable if it does not come in time, Refused if something else comes, Unreadable for no object.
    """
    syntax, context = taken_context(association, GET, peer)
    request = C_GET()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = message_id, GET, 0
    request.Identifier = BytesIO(encode(query, syntax.is_implicit_VR, True) or b"")
    association.dimse.send_msg(request, context)
    got: Incoming | None = None
    try:
        while True:
            came_in, message = _next(association, peer, message_id, left_s)
            if isinstance(message, C_GET):
                break
            if not isinstance(message, C_STORE):
                raise Unavailable(f"{peer} answers C-GET with something else")
            got = _taken(association, message, came_in, peer, asked=asked, got=got)
    except PrereadError:
        _call_off(association, message_id, context)
        raise
    if message.Status not in (SUCCESS, _SOME_FAILED):
        raise Unavailable(refusal(peer, message.Status))
    if got is None:
        raise Unavailable(f"{peer} says that it is done, and has sent no image")
    return got


def _next(association: Association, peer: Peer, message_id: int, left_s: Left) -> tuple[int, object]:
    """The context of the next message, and it: the last answer to ours, or another. Raises Unavailable if none comes.

    Answers "pending", and answers to what was asked before, are passed over.
    """
    while True:
        in_time(association, peer, left_s)
        began = time.monotonic()
        context, message = association.dimse.get_msg(block=True)
        if message is None and time.monotonic() - began >= (association.dimse_timeout or 0):
            continue  # nothing came; whether there is time left, the next round says
        if message is None or context is None:
            raise Unavailable(_ending(association, peer))
        if not isinstance(message, C_GET | C_MOVE):
            return context, message
        if message.MessageIDBeingRespondedTo == message_id and message.Status not in PENDING:
            return context, message


def _taken(
    association: Association, message: C_STORE, context: int, peer: Peer, *, asked: UID, got: Incoming | None
) -> Incoming:
    """The object, answered. Raises what it was refused for."""
    arriving = arriving_in(message.DataSet)
    try:
        if message.AffectedSOPInstanceUID != asked or got is not None:
            raise Refused(f"{peer} sends an object that was not asked for")
        incoming = taken(arriving, str(peer))
    except PrereadError as error:
        if arriving is not None:
            arriving.discard()
        _answer(association, message, context, status_of_error(error))
        raise
    _answer(association, message, context, StoreStatus.SUCCESS)
    return incoming


def _answer(association: Association, message: C_STORE, context: int, status: StoreStatus) -> None:
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo = message.MessageID
    answer.AffectedSOPClassUID = message.AffectedSOPClassUID
    answer.AffectedSOPInstanceUID = message.AffectedSOPInstanceUID
    answer.Status = int(status)
    association.dimse.send_msg(answer, context)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a peer says of one C-MOVE."""

    failed: int
    """Sub-operations that failed; 0 where it does not say."""
    completed: int | None
    """None where it does not say."""


def move(
    association: Association, peer: Peer, query: Dataset, *, message_id: int, destination: str, left_s: Left
) -> Moved:
    """Have the one image that `query` names sent to the AE title `destination`. Raises Unavailable."""
    syntax, context = taken_context(association, MOVE, peer)
    request = C_MOVE()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = message_id, MOVE, 0
    request.MoveDestination = destination
    request.Identifier = BytesIO(encode(query, syntax.is_implicit_VR, True) or b"")
    association.dimse.send_msg(request, context)
    try:
        _, message = _next(association, peer, message_id, left_s)
        if not isinstance(message, C_MOVE):
            raise Unavailable(f"{peer} answers C-MOVE with something else")
    except PrereadError:
        _call_off(association, message_id, context)
        raise
    if message.Status not in (SUCCESS, _SOME_FAILED):
        raise Unavailable(refusal(peer, message.Status))
    return Moved(
        failed=message.NumberOfFailedSuboperations or 0,
        completed=message.NumberOfCompletedSuboperations,
    )


def refusal(peer: Peer, status: int | None) -> str:
    said = _REFUSALS.get(status or 0)
    return f"{peer} was asked for an image and {said or f'answers {in_words(status)}'}"


def _ending(association: Association, peer: Peer) -> str:
    """Why there is no association any more."""
    why = getattr(association.dimse, "why", "")
    return f"{peer} was cut off: {why}" if why else f"{peer} broke off"


def _call_off(association: Association, message_id: int, context: int) -> None:
    """C-CANCEL, a moment for a last word, and the end; what still comes is not kept (PS3.7 9.3.3.3)."""
    until = time.monotonic() + CANCEL_S
    if association.is_established:
        association.send_c_cancel(message_id, context)
        while (left := until - time.monotonic()) > 0:
            association.dimse_timeout = left
            _, message = association.dimse.get_msg(block=True)
            if message is None or (isinstance(message, C_GET | C_MOVE) and message.Status not in PENDING):
                break
    drop(association)
