"""Questions of Query/Retrieve, Study Root: C-FIND's answers as bytes, C-GET's objects as they come (PS3.4 C.4).

No answer is decoded here: bytes go to the scanner that bounds what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from dicom_nodes.association import Context, Paused, Peer, context_id, drop
from dicom_nodes.part10 import file_meta
from service.domain.errors import Unavailable

FIND = UID(StudyRootQueryRetrieveInformationModelFind)
GET = UID(StudyRootQueryRetrieveInformationModelGet)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
FIND_CONTEXTS: tuple[Context, ...] = tuple((FIND, syntax) for syntax in SYNTAXES)
GET_CONTEXTS: tuple[Context, ...] = tuple((GET, syntax) for syntax in SYNTAXES)
Left = Callable[[], float]
"""Seconds that are left."""
_LARGEST_ANSWER = 256 * 1024
_SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)
_SUB_OPERATIONS_FAILED = 0xB000
"""Complete, one or more failures or warnings (PS3.4 C.4.3.1.4): what came is here."""


def find(
    association: Association, peer: Peer, query: Dataset, left_s: Left | None = None
) -> Iterator[tuple[UID, bytes]]:
    """Transfer syntax and bytes of every answer. Raises Unavailable unless the list ends in time, with success."""
    syntax, context = _context(association, FIND, peer)
    request = C_FIND()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = 1, FIND, 0
    request.Identifier = BytesIO(encode(query, syntax.is_implicit_VR, True) or b"")
    with Paused(association):
        association.dimse.send_msg(request, context)
        while True:
            _in_time(association, peer, left_s)
            _, answer = association.dimse.get_msg(block=True)
            if not isinstance(answer, C_FIND):
                drop(association)
                raise Unavailable(f"{peer} did not answer C-FIND")
            if answer.Status == _SUCCESS:
                return
            if answer.Status not in _PENDING:
                raise Unavailable(f"{peer} answered C-FIND with {_words(answer.Status)}")
            yield syntax, answer.Identifier.getvalue()[:_LARGEST_ANSWER] if answer.Identifier else b""


def get(association: Association, peer: Peer, query: Dataset, left_s: Left | None = None) -> Iterator[bytes]:
    """The objects that C-GET brings, as Part 10 bytes.

    Raises Unavailable where none of them could be sent, or not in time.
    """
    syntax, context = _context(association, GET, peer)
    request = C_GET()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = 1, GET, 0
    request.Identifier = BytesIO(encode(query, syntax.is_implicit_VR, True) or b"")
    with Paused(association):
        association.dimse.send_msg(request, context)
        while True:
            _in_time(association, peer, left_s)
            came_in, message = association.dimse.get_msg(block=True)
            if isinstance(message, C_STORE) and came_in is not None:
                _thank(association, message, came_in)
                yield _part10(association, peer, message, came_in)
            elif not isinstance(message, C_GET):
                drop(association)
                raise Unavailable(f"{peer} did not answer C-GET")
            elif message.Status in (_SUCCESS, _SUB_OPERATIONS_FAILED):
                return
            elif message.Status not in _PENDING:
                raise Unavailable(f"{peer} answered C-GET with {_words(message.Status)}")


def _in_time(association: Association, peer: Peer, left_s: Left | None) -> None:
    """Wait for the next message no longer than is left; a peer that answers "pending" for ever gains nothing."""
    if left_s is None:
        return
    if (left := left_s()) <= 0:
        drop(association)
        raise Unavailable(f"{peer} did not finish in time")
    association.dimse_timeout = left


def _context(association: Association, sop_class: UID, peer: Peer) -> tuple[UID, int]:
    """The first of our syntaxes that the peer took, and its context. Raises Unavailable where it took none."""
    for syntax in SYNTAXES:
        if (context := context_id(association, sop_class, syntax)) is not None:
            return syntax, context
    raise Unavailable(f"{peer} does not offer {sop_class.name}")


def _thank(association: Association, message: C_STORE, context: int) -> None:
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo = message.MessageID
    answer.AffectedSOPClassUID = message.AffectedSOPClassUID
    answer.AffectedSOPInstanceUID = message.AffectedSOPInstanceUID
    answer.Status = _SUCCESS
    association.dimse.send_msg(answer, context)


def _part10(association: Association, peer: Peer, message: C_STORE, context: int) -> bytes:
    taken = (one.transfer_syntax[0] for one in association.accepted_contexts if one.context_id == context)
    if (syntax := next(taken, None)) is None:
        raise Unavailable(f"{peer} sent an object in a presentation context that nobody accepted")
    meta = file_meta(
        sop_class_uid=str(message.AffectedSOPClassUID),
        sop_instance_uid=str(message.AffectedSOPInstanceUID),
        transfer_syntax_uid=str(syntax),
    )
    return meta + (message.DataSet.getvalue() if message.DataSet else b"")


def _words(status: int | None) -> str:
    return "no status" if status is None else f"0x{status:04X}"
