"""Earlier studies by C-FIND and C-GET, Study Root (PS3.4 C.6.2): `dicom://CALLED_AE@host:port`.

C-GET brings them over the association that asked: the archive needs to know no port of ours, and what comes is no
arrival, so it starts no reading. One image is asked for at a time, of those that were counted before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from urllib.parse import unquote, urlsplit

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_nodes.association import MAX_CONTEXTS, Context, Peer, associate, hang_up
from dicom_nodes.query import FIND_CONTEXTS, GET_CONTEXTS, find, get
from dicom_nodes.scp.contexts import TRANSFER_SYNTAXES
from service.adapters.part10_index import identity_of, text_of, uid_of
from service.adapters.part10_scan import RawHeader, scan_dataset
from service.adapters.part10_window import Odd
from service.domain.errors import Misconfigured, Refused, Unavailable, Unreadable
from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Patient
from service.ports.priors import Left, PriorSource

SCHEMES = ("dicom",)
_STUDY_KEYS = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "PatientName",
    "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
)  # fmt: skip
_ELSEWHERE = {"NEARLINE", "OFFLINE", "UNAVAILABLE"}
_MOST_SERIES = 100


def open_source(node: PriorNode, *, calling_ae: str) -> PriorSource:
    """Connects to nothing. Raises Misconfigured for a URL without AE title, host or port."""
    url = urlsplit(node.url)
    try:
        port = url.port
    except ValueError:
        port = None
    if not url.username or not url.hostname or not port:
        raise Misconfigured(f"Priors {node.name}: {node.url!r} is not dicom://CALLED_AE@host:port; write it so.")
    called = unquote(url.username)
    if not 0 < len(called.strip()) <= 16 or not called.isascii() or "\\" in called:
        raise Misconfigured(f"Priors {node.name}: {called!r} is not an AE title (1 to 16 ASCII characters).")
    return DimseSource(node.name, called, url.hostname, port, calling_ae)


class DimseSource:
    """`service.ports.priors.PriorSource`."""

    def __init__(self, name: str, called_ae: str, host: str, port: int, calling_ae: str) -> None:
        self._name, self._called_ae, self._host, self._port = name, called_ae, host, port
        self._calling_ae = calling_ae

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        found: dict[str, PriorStudy] = {}
        for modality in modalities:
            matching = {"PatientID": patient.patient_id, "ModalitiesInStudy": modality}
            for row in self._rows("STUDY", matching, _STUDY_KEYS, limit, left_s):
                study = _study(row)
                found.setdefault(study.study_instance_uid, study)
        return tuple(found.values())

    def fetch(self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left) -> Iterator[bytes]:
        wanted = self._instances(study, modalities, limit, left_s)
        classes = dict.fromkeys(sop_class for sop_class, _, _ in wanted)
        contexts = [(sop_class, syntax) for sop_class in classes for syntax in TRANSFER_SYNTAXES]
        contexts = contexts[: MAX_CONTEXTS - len(GET_CONTEXTS)]
        if not wanted:
            return
        with self._associated([*GET_CONTEXTS, *contexts], left_s, provided=classes) as (association, peer):
            for _, series, instance in wanted:
                self._in_time(left_s)
                keys = {"SeriesInstanceUID": series, "SOPInstanceUID": instance}
                yield from get(
                    association, peer, _query("IMAGE", {"StudyInstanceUID": study.study_instance_uid, **keys}), left_s
                )

    def _instances(
        self, study: PriorStudy, modalities: Sequence[str], limit: int, left_s: Left
    ) -> list[tuple[UID, UID, UID]]:
        """SOP Class, Series and SOP Instance UID of at most `limit` images."""
        found: list[tuple[UID, UID, UID]] = []
        here = {"StudyInstanceUID": str(study.study_instance_uid)}
        for modality in modalities:
            series = self._rows("SERIES", here | {"Modality": modality}, ("SeriesInstanceUID",), _MOST_SERIES, left_s)
            for uid in (uid_of(row, "SeriesInstanceUID") for row in series):
                keys, room = ("SOPInstanceUID", "SOPClassUID"), limit - len(found)
                rows = self._rows("IMAGE", here | {"SeriesInstanceUID": uid}, keys, room, left_s) if room else []
                found += [(uid_of(row, "SOPClassUID"), uid, uid_of(row, "SOPInstanceUID")) for row in rows]
        return found

    def _rows(
        self, level: str, matching: dict[str, str], keys: Sequence[str], limit: int, left_s: Left
    ) -> list[RawHeader]:
        """Answers of one C-FIND, at most `limit`. Raises Unavailable, Unreadable."""
        with self._associated(FIND_CONTEXTS, left_s) as (association, peer):
            query = _query(level, dict.fromkeys(keys, "") | matching)
            answers = list(islice(find(association, peer, query, left_s), limit))
        try:
            return [scan_dataset(BytesIO(answer), syntax) for syntax, answer in answers]
        except Odd as why:
            raise Unreadable(f"{self._name} answers C-FIND with what cannot be read") from why

    @contextmanager
    def _associated(
        self, contexts: Sequence[Context], left_s: Left, *, provided: Sequence[UID] | dict[UID, None] = ()
    ) -> Iterator[tuple[Association, Peer]]:
        """An association that waits for no message longer than is left. Raises Unavailable."""
        self._in_time(left_s)
        left = left_s()
        peer = Peer(
            called_ae=self._called_ae, host=self._host, port=self._port, calling_ae=self._calling_ae,
            connect_s=left, acse_s=left, dimse_s=left,
        )  # fmt: skip
        try:
            association = associate(peer, contexts, provided=provided)
        except Refused as why:
            raise Unavailable(str(why)) from why
        try:
            yield association, peer
        finally:
            hang_up(association)

    def _in_time(self, left_s: Left) -> None:
        if left_s() <= 0:
            raise Unavailable(f"{self._name} did not answer in time")


def _query(level: str, keys: dict[str, str]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query


def _study(row: RawHeader) -> PriorStudy:
    return PriorStudy(
        study_instance_uid=uid_of(row, "StudyInstanceUID"),
        identity=identity_of(row),
        at_hand=text_of(row, "InstanceAvailability").upper() not in _ELSEWHERE,
    )
