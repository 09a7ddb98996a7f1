"""Earlier studies by DICOMweb: QIDO-RS finds (PS3.18 10.6), WADO-RS fetches one instance after another (10.4)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydicom.tag import Tag
from pydicom.uid import UID

from dicom_nodes.sources.http import HttpArchive, base_url
from dicom_nodes.sources.listening import Listening
from service.domain.errors import Unreadable
from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Identity, Patient
from service.domain.uids import is_uid
from service.ports.priors import Begin, Left, PriorSource
from service.ports.spool import Incoming

SCHEMES = ("dicomweb+http", "dicomweb+https")
_JSON = "application/dicom+json"
_PART10 = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_STUDY_KEYS = (
    "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "ModalitiesInStudy", "PatientName",
    "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
)  # fmt: skip
_ELSEWHERE = {"NEARLINE", "OFFLINE", "UNAVAILABLE"}

Row = Mapping[str, Any]


def open_source(node: PriorNode, _: Listening) -> PriorSource:
    """Connects to nothing. Raises Misconfigured for a URL without a host."""
    return DicomWebSource(HttpArchive(node.name, base_url(node, "dicomweb+")))


class DicomWebSource:
    """`service.ports.priors.PriorSource`."""

    def __init__(self, archive: HttpArchive) -> None:
        self._archive = archive

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        fields = [("includefield", _hex(keyword)) for keyword in _STUDY_KEYS]
        found: dict[str, PriorStudy] = {}
        for modality in modalities:
            asked = [("PatientID", patient.patient_id), ("ModalitiesInStudy", modality), ("limit", str(limit))]
            for row in self._rows("/studies", [*asked, *fields], left_s)[:limit]:
                if is_uid(_text(row, "StudyInstanceUID")):
                    found.setdefault(_text(row, "StudyInstanceUID"), _study(row))
        return tuple(found.values())

    def fetch(
        self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left, begin: Begin
    ) -> Generator[Incoming]:
        study_path = f"/studies/{study.study_instance_uid}"
        for series, instance in self._instances(study_path, modalities, limit, left_s):
            path = f"{study_path}/series/{series}/instances/{instance}"
            yield self._archive.bring(path, accept=_PART10, left_s=left_s, begin=begin)

    def _instances(self, study_path: str, modalities: Sequence[str], limit: int, left_s: Left) -> list[tuple[str, str]]:
        """Series and SOP Instance UIDs, at most `limit`."""
        found: list[tuple[str, str]] = []
        for modality in modalities:
            asked = [("Modality", modality), ("limit", str(limit)), ("includefield", _hex("SOPInstanceUID"))]
            rows = self._rows(f"{study_path}/instances", asked, left_s)
            found += [(_text(row, "SeriesInstanceUID"), _text(row, "SOPInstanceUID")) for row in rows]
        return [(series, instance) for series, instance in found if is_uid(series) and is_uid(instance)][:limit]

    def _rows(self, path: str, asked: Sequence[tuple[str, str]], left_s: Left) -> list[Row]:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked)
        rows = self._archive.ask(f"{path}?{query}", accept=_JSON, left_s=left_s)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"{self._archive.name} answers a query with something that is no list of studies")
        return rows


def _study(row: Row) -> PriorStudy:
    patient = Patient(
        patient_id=_text(row, "PatientID"),
        issuer=_text(row, "IssuerOfPatientID"),
        name=_text(row, "PatientName"),
        birth_date=_text(row, "PatientBirthDate"),
        sex=_text(row, "PatientSex"),
    )
    identity = Identity(
        patient=patient,
        accession_number=_text(row, "AccessionNumber"),
        study_date=_text(row, "StudyDate"),
        study_time=_text(row, "StudyTime"),
    )
    return PriorStudy(
        study_instance_uid=UID(_text(row, "StudyInstanceUID")),
        identity=identity,
        modalities=_values(row, "ModalitiesInStudy"),
        at_hand=_text(row, "InstanceAvailability").upper() not in _ELSEWHERE,
    )


def _text(row: Row, keyword: str) -> str:
    return next(iter(_values(row, keyword)), "")


def _values(row: Row, keyword: str) -> tuple[str, ...]:
    """The values of an attribute in the DICOM JSON model (PS3.18 F.2), as text; none for anything else."""
    element = row.get(_hex(keyword))
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list):
        return ()
    plain = (value.get("Alphabetic", "") if isinstance(value, dict) else value for value in values)
    return tuple(str(value).strip() for value in plain if isinstance(value, str | int | float))


def _hex(keyword: str) -> str:
    return f"{int(Tag(keyword)):08X}"
