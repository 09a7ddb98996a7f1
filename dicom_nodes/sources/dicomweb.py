"""Earlier studies by DICOMweb: QIDO-RS finds (PS3.18 10.6), WADO-RS fetches one instance after another (10.4).

Every answer is bounded in bytes and in time: a source that drips is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydicom.tag import Tag
from pydicom.uid import UID

from service.domain.errors import Misconfigured, Unavailable, Unreadable
from service.domain.prior import PriorNode, PriorStudy
from service.domain.study import Identity, Patient
from service.domain.uids import is_uid
from service.ports.priors import Left, PriorSource

SCHEMES = ("dicomweb+http", "dicomweb+https")
MAX_ANSWER_BYTES = 8 * 1024**2
MAX_OBJECT_BYTES = 256 * 1024**2
_JSON = "application/dicom+json"
_PART10 = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_STUDY_KEYS = (
    "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "ModalitiesInStudy", "PatientName",
    "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
)  # fmt: skip
_ELSEWHERE = {"NEARLINE", "OFFLINE", "UNAVAILABLE"}
_OK, _NOTHING = 200, 204

Row = Mapping[str, Any]


def open_source(node: PriorNode) -> PriorSource:
    """Connects to nothing. Raises Misconfigured for a URL without a host."""
    url = node.url.removeprefix("dicomweb+")
    if not urlsplit(url).hostname:
        raise Misconfigured(f"Priors {node.name}: {node.url!r} is not dicomweb+http(s)://host/root; write it so.")
    return DicomWebSource(node.name, url)


class DicomWebSource:
    """`service.ports.priors.PriorSource`."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._url = url.rstrip("/")

    def find(self, patient: Patient, *, modalities: Sequence[str], limit: int, left_s: Left) -> Sequence[PriorStudy]:
        fields = [("includefield", _hex(keyword)) for keyword in _STUDY_KEYS]
        found: dict[str, PriorStudy] = {}
        for modality in modalities:
            asked = [("PatientID", patient.patient_id), ("ModalitiesInStudy", modality), ("limit", str(limit))]
            for row in self._rows("/studies", [*asked, *fields], left_s)[:limit]:
                if is_uid(_text(row, "StudyInstanceUID")):
                    found.setdefault(_text(row, "StudyInstanceUID"), _study(row))
        return tuple(found.values())

    def fetch(self, study: PriorStudy, *, modalities: Sequence[str], limit: int, left_s: Left) -> Iterator[bytes]:
        study_path = f"/studies/{study.study_instance_uid}"
        for series, instance in self._instances(study_path, modalities, limit, left_s):
            path = f"{study_path}/series/{series}/instances/{instance}"
            yield self._only_part(*self._get(path, [], _PART10, MAX_OBJECT_BYTES, left_s))

    def _instances(self, study_path: str, modalities: Sequence[str], limit: int, left_s: Left) -> list[tuple[str, str]]:
        """Series and SOP Instance UIDs, at most `limit`."""
        found: list[tuple[str, str]] = []
        for modality in modalities:
            asked = [("Modality", modality), ("limit", str(limit)), ("includefield", _hex("SOPInstanceUID"))]
            rows = self._rows(f"{study_path}/instances", asked, left_s)
            found += [(_text(row, "SeriesInstanceUID"), _text(row, "SOPInstanceUID")) for row in rows]
        return [(series, instance) for series, instance in found if is_uid(series) and is_uid(instance)][:limit]

    def _rows(self, path: str, asked: Sequence[tuple[str, str]], left_s: Left) -> list[Row]:
        _, body = self._get(path, asked, _JSON, MAX_ANSWER_BYTES, left_s)
        try:
            rows = json.loads(body or b"[]")
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"{self._name} answers a query with something that is no JSON") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"{self._name} answers a query with something that is no list of studies")
        return rows

    def _get(
        self, path: str, asked: Sequence[tuple[str, str]], accept: str, most: int, left_s: Left
    ) -> tuple[str, bytes]:
        """Content type and body. Raises Unavailable."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked)
        body = bytearray()
        try:
            with httpx.stream(
                "GET", f"{self._url}{path}?{query}".rstrip("?"), headers={"Accept": accept},
                timeout=max(left_s(), 0.001), follow_redirects=False, trust_env=False,
            ) as answer:  # fmt: skip
                if answer.status_code not in {_OK, _NOTHING}:
                    raise Unavailable(f"{self._name} answers with HTTP {answer.status_code}")
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > most:
                        raise Unavailable(f"{self._name} answers with more than {most} bytes")
                    if left_s() <= 0:
                        raise Unavailable(f"{self._name} did not answer in time")
                return answer.headers.get("Content-Type", ""), bytes(body)
        except httpx.HTTPError as error:
            words = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            raise Unavailable(f"{self._name} {words}") from error

    def _only_part(self, content_type: str, body: bytes) -> bytes:
        """The one object of a multipart answer (PS3.18 8.6.1.2); an archive may leave the envelope out."""
        boundary = _BOUNDARY.search(content_type)
        if boundary is None:
            return body
        mark = b"--" + boundary[1].encode("ascii", "replace")
        begin = body.find(b"\r\n\r\n", body.find(mark))
        end = body.rfind(b"\r\n" + mark)
        if begin < 0 or end < begin:
            raise Unreadable(f"{self._name} gives an object in an envelope that does not end")
        return body[begin + 4 : end]


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
