"""Earlier studies out of Orthanc by its own interface: `orthanc+http://host:8042`, `orthanc+https://...`.

`/tools/find` finds, `/instances/{id}/file` gives what is stored, untouched. Orthanc's index holds no Issuer of Patient
ID, so a study's identity is read from the header of one of its images. The names are in Orthanc's book, "REST API".
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from pydicom.uid import UID

from dicom_nodes.sources.http import HttpArchive, base_url
from dicom_nodes.sources.listening import Listening
from service.domain.errors import Unreadable
from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Identity, Patient
from service.domain.uids import is_uid
from service.ports.priors import Begin, Left, PriorSource
from service.ports.spool import Incoming

SCHEMES = ("orthanc+http", "orthanc+https")
_MOST_FOUND = 1000
"""Studies of one patient, and series with one of the modalities, that are looked at."""
_NEWEST_FIRST = [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"}]
"""Heeded by Orthanc from 1.12.5 on; older ones give any, and we sort."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_JSON = "application/json"

Row = Mapping[str, Any]


def open_source(node: PriorNode, _: Listening) -> PriorSource:
    """Connects to nothing. Raises Misconfigured for a URL without a host."""
    return OrthancSource(HttpArchive(node.name, base_url(node, "orthanc+")))


class OrthancSource:
    """`service.ports.priors.PriorSource`."""

    def __init__(self, archive: HttpArchive) -> None:
        self._archive = archive

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        """The newest of them, at most `limit` in all."""
        asked = {"PatientID": _literal(patient.patient_id)}
        images = self._images(asked, modalities, left_s)
        rows = [row for row in self._found("Study", asked, left_s) if _text(row, "ID") in images]
        rows.sort(key=_moment, reverse=True)
        return tuple(self._study(images[_text(row, "ID")][0], left_s) for row in rows[:limit])

    def fetch(
        self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left, begin: Begin
    ) -> Generator[Incoming]:
        found = self._images({"StudyInstanceUID": study.study_instance_uid}, modalities, left_s)
        for image in [image for images in found.values() for image in images][:limit]:
            path = f"/instances/{image}/file"
            yield self._archive.bring(path, accept="application/dicom", left_s=left_s, begin=begin)

    def _images(self, asked: Mapping[str, str], modalities: Sequence[str], left_s: Left) -> dict[str, list[str]]:
        """Orthanc's identifiers of images of these modalities, by that of their study."""
        found: dict[str, list[str]] = {}
        for row in self._found("Series", {**asked, "Modality": "\\".join(modalities)}, left_s):
            study, images = _text(row, "ParentStudy"), row.get("Instances")
            named = [image for image in images if _is_id(image)] if isinstance(images, list) else []
            if named and _is_id(study):
                found.setdefault(study, []).extend(named)
        return found

    def _found(self, level: str, asked: Mapping[str, str], left_s: Left) -> list[Row]:
        body = {
            "Level": level, "Query": dict(asked), "Expand": True, "CaseSensitive": True, "Limit": _MOST_FOUND,
            "OrderBy": _NEWEST_FIRST if level == "Study" else [],
        }  # fmt: skip
        rows = self._archive.ask("/tools/find", accept=_JSON, left_s=left_s, body=body)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"{self._archive.name} answers a query with something that is no list of studies")
        return rows

    def _study(self, image: str, left_s: Left) -> PriorStudy:
        header = self._archive.ask(f"/instances/{image}/simplified-tags", accept=_JSON, left_s=left_s)
        if not is_uid(uid := _text(header, "StudyInstanceUID")):
            raise Unreadable(f"{self._archive.name} answers with something that is no header of an image")
        patient = Patient(
            patient_id=_text(header, "PatientID"),
            issuer=_text(header, "IssuerOfPatientID"),
            name=_text(header, "PatientName"),
            birth_date=_text(header, "PatientBirthDate"),
            sex=_text(header, "PatientSex"),
        )
        identity = Identity(
            patient=patient,
            accession_number=_text(header, "AccessionNumber"),
            study_date=_text(header, "StudyDate"),
            study_time=_text(header, "StudyTime"),
        )
        return PriorStudy(study_instance_uid=UID(uid), identity=identity)


def _literal(value: str) -> str:
    """Without what a search reads as "anything" or as a list; what is found then is another's, and judged to be."""
    return re.sub(r"[*\\]", "?", value)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _moment(row: Row) -> tuple[str, str]:
    tags = row.get("MainDicomTags")
    return _text(tags, "StudyDate"), _text(tags, "StudyTime")


def _text(values: object, keyword: str) -> str:
    value = values.get(keyword) if isinstance(values, dict) else None
    return value.strip() if isinstance(value, str) else ""
