"""C-FIND, Study Root, STUDY level: who a study belongs to, as an archive has it now (PS3.4 C.6.2)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_nodes.association import NoContext, Peer, associate, drop, hang_up
from dicom_nodes.query import FIND_CONTEXTS, find
from service.adapters.part10_index import identity_of, uid_of
from service.adapters.part10_scan import scan_dataset
from service.adapters.part10_window import Odd
from service.domain.errors import Refused, Unavailable, Unreadable
from service.domain.study import Identity

_RETURN_KEYS = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
    "StudyID", "StudyDate", "StudyTime", "StudyDescription", "ReferringPhysicianName",
)  # fmt: skip
_MOST_ANSWERS = 20
_REMEDY = "if it never can, set identity_check = false for it in nodes.toml"


def find_identity(peer: Peer, study_instance_uid: UID) -> Identity | None:
    """None if the peer ends its list without the study, or offers no C-FIND at all.

    Whatever else it says is no knowledge, and a result must not leave on it (invariant 10): raises Unavailable.
    """
    try:
        association = associate(peer, FIND_CONTEXTS)
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
    """Transfer syntax and bytes of every answer. Raises Unavailable unless the list ends with success."""
    try:
        for number, answer in enumerate(find(association, peer, _query(study_instance_uid))):
            if number == _MOST_ANSWERS:
                drop(association)
                raise Unavailable(f"{peer} answered C-FIND for one study with more than {_MOST_ANSWERS} others")
            yield answer
    except Unavailable as why:
        raise Unavailable(f"{why}; {_REMEDY}.") from why


def _query(study_instance_uid: UID) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study_instance_uid
    for keyword in _RETURN_KEYS:
        setattr(query, keyword, "")
    return query
