"""C-FIND, Study Root: its answers as bytes (PS3.4 C.4.1).

No answer is decoded here: bytes go to the scanner that bounds what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from dicom_nodes.association import Context, Paused, Peer, context_id, drop
from service.domain.errors import Unavailable

FIND = UID(StudyRootQueryRetrieveInformationModelFind)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
FIND_CONTEXTS: tuple[Context, ...] = tuple((FIND, syntax) for syntax in SYNTAXES)
Left = Callable[[], float]
"""Seconds that are left."""
_LARGEST_ANSWER = 256 * 1024
SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)


def find(
    association: Association, peer: Peer, query: Dataset, left_s: Left | None = None
) -> Iterator[tuple[UID, bytes]]:
    """Transfer syntax and bytes of every answer. Raises Unavailable unless the list ends in time, with success."""
    syntax, context = taken_context(association, FIND, peer)
    request = C_FIND()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = 1, FIND, 0
    request.Identifier = BytesIO(encode(query, syntax.is_implicit_VR, True) or b"")
    with Paused(association):
        association.dimse.send_msg(request, context)
        while True:
            try:
                answer = _answer(association, peer, left_s)
            except Unavailable:
                drop(association)
                raise
            if answer.Status == SUCCESS:
                return
            if answer.Status not in PENDING:
                raise Unavailable(f"{peer} answered C-FIND with {in_words(answer.Status)}")
            yield syntax, answer.Identifier.getvalue()[:_LARGEST_ANSWER] if answer.Identifier else b""


def _answer(association: Association, peer: Peer, left_s: Left | None) -> C_FIND:
    if left_s is not None:
        in_time(association, peer, left_s)
    _, answer = association.dimse.get_msg(block=True)
    if not isinstance(answer, C_FIND):
        raise Unavailable(f"{peer} did not answer C-FIND")
    return answer


def in_time(association: Association, peer: Peer, left_s: Left) -> None:
    """Wait for the next message no longer than is left; a peer that answers "pending" for ever gains nothing."""
    if (left := left_s()) <= 0:
        raise Unavailable(f"{peer} did not finish in time")
    association.dimse_timeout = left


def taken_context(association: Association, sop_class: UID, peer: Peer) -> tuple[UID, int]:
    """The first of our syntaxes that the peer took, and its context. Raises Unavailable where it took none."""
    for syntax in SYNTAXES:
        if (context := context_id(association, sop_class, syntax)) is not None:
            return syntax, context
    raise Unavailable(f"{peer} does not offer {sop_class.name}")


def in_words(status: int | None) -> str:
    return "no status" if status is None else f"0x{status:04X}"
