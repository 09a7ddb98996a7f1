"""Earlier studies by C-FIND and C-GET or C-MOVE, Study Root (PS3.4 C.6.2): `dicom://CALLED_AE@host:port`.

C-GET brings them over the association that asked, and the archive needs to know no port of ours; C-MOVE to a port that
is open while we ask. Neither comes by the receiver, so nothing that comes starts a reading. One image is asked for at a
time, of those that were counted before.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from urllib.parse import unquote, urlsplit

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_nodes.association import MAX_CONTEXTS, Context, Paused, Peer, associate, hang_up
from dicom_nodes.query import FIND_CONTEXTS, find
from dicom_nodes.retrieve import GET_CONTEXTS, MOVE_CONTEXTS, Moved, get, move, receive_into
from dicom_nodes.scp.contexts import TRANSFER_SYNTAXES
from dicom_nodes.scp.landing import Landing
from dicom_nodes.sources.listening import Listening
from service.adapters.part10_index import identity_of, text_of, uid_of
from service.adapters.part10_scan import RawHeader, scan_dataset
from service.adapters.part10_window import Odd
from service.domain.errors import Misconfigured, Refused, Unavailable, Unreadable
from service.domain.prior import PriorNode, PriorStudy, Retrieve
from service.domain.study import Patient
from service.ports.priors import Begin, Left, PriorSource
from service.ports.spool import Incoming

SCHEMES = ("dicom",)
_STUDY_KEYS = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "PatientName",
    "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
)  # fmt: skip
_ELSEWHERE = {"NEARLINE", "OFFLINE", "UNAVAILABLE"}
_MOST_SERIES = 100
_GOODBYE_S = 1.0
"""How long a peer may take to answer a release."""

_Image = tuple[UID, UID, UID]
"""SOP Class, Series and SOP Instance UID."""


def open_source(node: PriorNode, listening: Listening) -> PriorSource:
    """Connects to nothing. Raises Misconfigured for a URL without AE title, host or port, or a move to nowhere."""
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
    if node.retrieve is Retrieve.MOVE:
        listening.check(node)
    return DimseSource(node, called, url.hostname, port, listening)


class DimseSource:
    """`service.ports.priors.PriorSource`."""

    def __init__(self, node: PriorNode, called_ae: str, host: str, port: int, listening: Listening) -> None:
        self._node, self._listening = node, listening
        self._name, self._called_ae, self._host, self._port = node.name, called_ae, host, port

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        found: dict[str, PriorStudy] = {}
        for modality in modalities:
            matching = {"PatientID": patient.patient_id, "ModalitiesInStudy": modality}
            for row in self._rows("STUDY", matching, _STUDY_KEYS, limit, left_s):
                study = _study(row)
                found.setdefault(study.study_instance_uid, study)
        return tuple(found.values())

    def fetch(
        self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left, begin: Begin
    ) -> Generator[Incoming]:
        wanted = self._instances(study, modalities, limit, left_s)
        if wanted:
            way = self._moved if self._node.retrieve is Retrieve.MOVE else self._got
            yield from way(study, wanted, left_s, begin)

    def _got(self, study: PriorStudy, wanted: Sequence[_Image], left_s: Left, begin: Begin) -> Generator[Incoming]:
        classes = dict.fromkeys(sop_class for sop_class, _, _ in wanted)
        contexts = [(sop_class, syntax) for sop_class in classes for syntax in TRANSFER_SYNTAXES]
        contexts = contexts[: MAX_CONTEXTS - len(GET_CONTEXTS)]
        asking = self._associated([*GET_CONTEXTS, *contexts], left_s, begin, provided=classes)
        with asking as (association, peer), Paused(association):
            for number, image in enumerate(wanted, start=1):
                self._in_time(left_s)
                query = _query_image(study, image)
                yield get(association, peer, query, message_id=number, asked=image[2], left_s=left_s)

    def _moved(self, study: PriorStudy, wanted: Sequence[_Image], left_s: Left, begin: Begin) -> Generator[Incoming]:
        landing = self._listening.landing(self._node, self._host, begin=begin, left_s=left_s)
        with landing, self._associated(MOVE_CONTEXTS, left_s) as (association, peer), Paused(association):
            for number, image in enumerate(wanted, start=1):
                self._in_time(left_s)
                landing.expect(image[2])
                query, to = _query_image(study, image), self._node.move_ae_title
                try:
                    said = move(association, peer, query, message_id=number, destination=to, left_s=left_s)
                except Unavailable:
                    landing.arrived(_now)  # what we refused it for says more than what the archive makes of it
                    raise
                yield self._landed(landing, said, left_s)

    def _landed(self, landing: Landing, said: Moved, left_s: Left) -> Incoming:
        """An archive may say that it is done before the image is here, so it is waited for unless it says that it sent
        none. Raises Unavailable for one that does not come."""
        nothing = said.failed > 0 or said.completed == 0
        if (incoming := landing.arrived(_now if nothing else left_s)) is not None:
            return incoming
        if nothing:
            raise Unavailable(f"{self._name} could not move an image to {self._node.move_ae_title}")
        where = f"{self._node.move_ae_title} at port {self._node.move_port}"
        raise Unavailable(
            f"{self._name} says that it moved an image to {where}, but none came: look where it sends that AE title"
        )

    def _instances(self, study: PriorStudy, modalities: Sequence[str], limit: int, left_s: Left) -> list[_Image]:
        """At most `limit` images."""
        found: dict[UID, _Image] = {}
        here = {"StudyInstanceUID": str(study.study_instance_uid)}
        for modality in modalities:
            series = self._rows("SERIES", here | {"Modality": modality}, ("SeriesInstanceUID",), _MOST_SERIES, left_s)
            for uid in (uid_of(row, "SeriesInstanceUID") for row in series):
                keys, room = ("SOPInstanceUID", "SOPClassUID"), limit - len(found)
                rows = self._rows("IMAGE", here | {"SeriesInstanceUID": uid}, keys, room, left_s) if room else []
                images = [(uid_of(row, "SOPClassUID"), uid, uid_of(row, "SOPInstanceUID")) for row in rows]
                found |= {image[2]: image for image in images}
        return list(found.values())

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
        self, contexts: Sequence[Context], left_s: Left, begin: Begin | None = None,
        *, provided: Sequence[UID] | dict[UID, None] = (),
    ) -> Iterator[tuple[Association, Peer]]:  # fmt: skip
        """An association that waits for no message longer than is left. Raises Unavailable."""
        self._in_time(left_s)
        left = left_s()
        peer = Peer(
            called_ae=self._called_ae, host=self._host, port=self._port, calling_ae=self._listening.calling_ae,
            connect_s=left, acse_s=left, dimse_s=left,
        )  # fmt: skip
        try:
            association = associate(peer, contexts, provided=provided)
        except Refused as why:
            raise Unavailable(str(why)) from why
        dimse = receive_into(association, begin or _nothing, max_object_bytes=self._node.max_object_bytes)
        try:
            yield association, peer
        finally:
            association.acse_timeout = _GOODBYE_S
            hang_up(association)
            dimse.discard()

    def _in_time(self, left_s: Left) -> None:
        if left_s() <= 0:
            raise Unavailable(f"{self._name} did not answer in time")


def _now() -> float:
    return 0.0


def _nothing() -> Incoming:
    raise Refused("No object was asked for.")


def _query_image(study: PriorStudy, image: _Image) -> Dataset:
    _, series, instance = image
    keys = {"StudyInstanceUID": study.study_instance_uid, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
    return _query("IMAGE", keys)


def _query(level: str, keys: Mapping[str, str]) -> Dataset:
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
