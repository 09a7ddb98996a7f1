"""KeepingArchive: a small Storage SCP that keeps files, for demos without a PACS. Not for patient data.

It stores, answers C-ECHO, and finds studies by Study Instance UID so that the identity check has somebody to ask.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_FIND, C_STORE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from dicom_nodes.destinations.folder import file_stem
from dicom_nodes.scp.contexts import supported_classes
from service.adapters.part10 import Part10Headers
from service.domain.errors import Misconfigured, Unreadable
from service.domain.study import Identity

_FOUND, _DONE, _CANNOT = 0xFF00, 0x0000, 0xC000


class KeepingArchive:
    """Keeps every object as `<SOP Instance UID>.dcm`; what is in the folder at the start is known, too."""

    def __init__(self, folder: Path, *, ae_title: str = "ARCHIVE", host: str = "127.0.0.1", port: int = 0) -> None:
        self._folder = folder
        self._address = (host, port)
        self._entity = ApplicationEntity(ae_title)
        self._entity.require_called_aet = True
        for uid in supported_classes():
            self._entity.add_supported_context(uid, list(ALL_TRANSFER_SYNTAXES))
        self._entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        self._headers = Part10Headers(children=1)
        self._lock = threading.Lock()
        self._identities: dict[UID, Identity] = {}
        self._received: list[Path] = []
        self._server: ThreadedAssociationServer | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def received(self) -> list[Path]:
        """Files in order of arrival, each once."""
        with self._lock:
            return list(self._received)

    def start(self) -> None:
        """Listen. Raises Misconfigured if the address cannot be had."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.dcm")):
            self._note(path)
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, self._on_store), (evt.EVT_C_FIND, self._on_find)]
        try:
            self._server = self._entity.start_server(self._address, block=False, evt_handlers=handlers)
        except OSError as error:
            raise Misconfigured(
                f"The demo archive cannot listen on port {self._address[1]}: {error.strerror}."
            ) from error

    def stop(self) -> None:
        """Close the socket and every association."""
        if self._server is not None:
            self._server.shutdown()
            for association in self._entity.active_associations:
                association.abort()
            self._server = None
        self._headers.close()

    def _on_store(self, event: evt.Event) -> int:
        assert isinstance(event.request, C_STORE)
        final = self._folder / f"{file_stem(str(event.request.AffectedSOPInstanceUID))}.dcm"
        partial = self._folder / f".{uuid.uuid4().hex}.part"
        with partial.open("xb") as file:
            file.write(event.encoded_dataset())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(final)
        return _DONE if self._note(final) else _CANNOT

    def _note(self, path: Path) -> bool:
        """Index a file; false if it cannot be read."""
        try:
            with path.open("rb") as part10:
                header = self._headers.read(part10)
        except Unreadable:
            return False
        with self._lock:
            self._identities[header.instance.study_instance_uid] = header.identity
            if path not in self._received:
                self._received.append(path)
        return True

    def _on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        assert isinstance(event.request, C_FIND)
        query = event.identifier
        uid = query.get("StudyInstanceUID")
        with self._lock:
            identity = self._identities.get(uid) if uid else None
        if identity is not None and query.get("QueryRetrieveLevel") == "STUDY":
            yield _FOUND, _answer(query, uid, identity)
        yield _DONE, None


def _answer(query: Dataset, study_instance_uid: UID, identity: Identity) -> Dataset:
    """The return keys that were asked for (PS3.4 C.2.2.1)."""
    known = {
        "PatientID": identity.patient.patient_id,
        "IssuerOfPatientID": identity.patient.issuer,
        "PatientName": identity.patient.name,
        "PatientBirthDate": identity.patient.birth_date,
        "PatientSex": identity.patient.sex,
        "AccessionNumber": identity.accession_number,
        "StudyID": identity.study_id,
        "StudyDate": identity.study_date,
        "StudyTime": identity.study_time,
        "StudyDescription": identity.study_description,
        "ReferringPhysicianName": identity.referring_physician,
    }
    answer = Dataset()
    answer.SpecificCharacterSet = "ISO_IR 192"
    answer.QueryRetrieveLevel = "STUDY"
    answer.StudyInstanceUID = study_instance_uid
    for keyword, value in known.items():
        if keyword in query:
            setattr(answer, keyword, value)
    return answer
