"""C-FIND, Study Root, STUDY level: who a study belongs to, as an archive has it now (PS3.4 C.6.2)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from dicom_nodes.association import NoContext, Paused, Peer, associate, context_id, drop, hang_up
from service.adapters.part10_index import identity_of, uid_of
from service.adapters.part10_scan import scan_dataset
from service.adapters.part10_window import Odd
from service.domain.errors import Refused, Unavailable, Unreadable
from service.domain.study import Identity

FIND = UID(StudyRootQueryRetrieveInformationModelFind)
_RETURN_KEYS = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
    "StudyID", "StudyDate", "StudyTime", "StudyDescription", "ReferringPhysicianName",
)  # fmt: skip
_MOST_ANSWERS = 20
_LARGEST_ANSWER = 256 * 1024
_SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)
_REMEDY = "if it never can, set identity_check = false for it in nodes.toml"


def find_identity(peer: Peer, study_instance_uid: UID) -> Identity | None:
    """None if the peer ends its list without the study, or offers no C-FIND at all.

    Whatever else it says is no knowledge, and a result must not leave on it (invariant 10): raises Unavailable.
    """
    try:
        association = associate(peer, [(FIND, ExplicitVRLittleEndian), (FIND, ImplicitVRLittleEndian)])
    except NoContext:
        return None
    except Refused as why:
        raise Unavailable(str(why)) from why
    try:
        for syntax, answer in _ask(association, peer, study_instance_uid):
            found = scan_dataset(BytesIO(answer), syntax)
            if uid_of(found, "StudyInstanceUID") == study_instance_uid:
                return identity_of(found)
        return None
    except (Odd, Unreadable) as why:
        raise Unavailable(f"{peer} answered C-FIND with what cannot be read; {_REMEDY}.") from why
    finally:
        hang_up(association)


def _ask(association: Association, peer: Peer, study_instance_uid: UID) -> Iterator[tuple[UID, bytes]]:
    """Transfer syntax and bytes of every pending answer. Raises Unavailable unless the list ends with success."""
    syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    syntax = next(syntax for syntax in syntaxes if context_id(association, FIND, syntax))
    context = context_id(association, FIND, syntax)
    assert context is not None
    request = C_FIND()
    request.MessageID = 1
    request.AffectedSOPClassUID = FIND
    request.Priority = 0
    request.Identifier = BytesIO(encode(_query(study_instance_uid), syntax.is_implicit_VR, True) or b"")
    with Paused(association):
        association.dimse.send_msg(request, context)
        for _ in range(_MOST_ANSWERS):
            _, answer = association.dimse.get_msg(block=True)
            if not isinstance(answer, C_FIND):
                drop(association)
                raise Unavailable(f"{peer} did not answer C-FIND.")
            if answer.Status == _SUCCESS:
                return
            if answer.Status not in _PENDING:
                raise Unavailable(f"{peer} answered C-FIND with {_words(answer.Status)}; {_REMEDY}.")
            yield syntax, answer.Identifier.getvalue()[:_LARGEST_ANSWER] if answer.Identifier else b""
    drop(association)
    raise Unavailable(f"{peer} answered C-FIND for one study with more than {_MOST_ANSWERS} others; {_REMEDY}.")


def _words(status: int | None) -> str:
    return "no status" if status is None else f"0x{status:04X}"


def _query(study_instance_uid: UID) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study_instance_uid
    for keyword in _RETURN_KEYS:
        setattr(query, keyword, "")
    return query
