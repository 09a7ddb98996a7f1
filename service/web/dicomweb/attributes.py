"""Attributes: what a search answers of studies, series and instances (PS3.18 tables 10.6.3-3 to 10.6.3-5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from service.domain.study import StoredInstance
from service.ports.catalogue import StudyRow
from service.web.dicomweb.matching import Attributes, Value
from service.web.dicomweb.resources import Where

STUDY = frozenset(
    (
        "StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "ModalitiesInStudy",
        "ReferringPhysicianName", "TimezoneOffsetFromUTC", "StudyDescription", "PatientName", "PatientID",
        "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    )
)  # fmt: skip
"""What a search of studies compares."""
SERIES = frozenset(("Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "BodyPartExamined"))
INSTANCE = frozenset(("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "NumberOfFrames"))
_NAMES = ("Alphabetic", "Ideographic", "Phonetic")
_NUMBERS = frozenset(("IS", "US", "UL"))


def study_attributes(row: StudyRow, where: Where) -> Attributes:
    identity, patient = row.identity, row.identity.patient
    return {
        "StudyDate": _known(identity.study_date),
        "StudyTime": _known(identity.study_time),
        "AccessionNumber": _known(identity.accession_number),
        "InstanceAvailability": ["ONLINE"],
        "ModalitiesInStudy": list(row.modalities),
        "ReferringPhysicianName": _known(identity.referring_physician),
        "TimezoneOffsetFromUTC": _known(identity.timezone_offset),
        "StudyDescription": _known(identity.study_description),
        "RetrieveURL": [where.study(row.study_instance_uid)],
        "PatientName": _known(patient.name),
        "PatientID": _known(patient.patient_id),
        "IssuerOfPatientID": _known(patient.issuer),
        "PatientBirthDate": _known(patient.birth_date),
        "PatientSex": _known(patient.sex),
        "StudyInstanceUID": [row.study_instance_uid],
        "StudyID": _known(identity.study_id),
        "NumberOfStudyRelatedSeries": [row.series],
        "NumberOfStudyRelatedInstances": [row.instances],
    }


def series_attributes(members: Sequence[StoredInstance], where: Where) -> Attributes:
    """Of a series that has at least one instance; its first speaks for all."""
    first = members[0].instance
    said = {name: _known(first.attributes.get(name, "")) for name in ("SeriesDescription", "BodyPartExamined")}
    return {
        **said,
        "Modality": _known(first.modality),
        "SeriesNumber": _number(first.attributes.get("SeriesNumber", "")),
        "StudyInstanceUID": [first.study_instance_uid],
        "SeriesInstanceUID": [first.series_instance_uid],
        "NumberOfSeriesRelatedInstances": [len(members)],
        "RetrieveURL": [where.series(first.study_instance_uid, first.series_instance_uid)],
    }


def instance_attributes(stored: StoredInstance, where: Where) -> Attributes:
    instance = stored.instance
    numbers = ("InstanceNumber", "Rows", "Columns", "NumberOfFrames")
    return {
        **{name: _number(instance.attributes.get(name, "")) for name in numbers},
        "SOPClassUID": [instance.sop_class_uid],
        "SOPInstanceUID": [instance.sop_instance_uid],
        "StudyInstanceUID": [instance.study_instance_uid],
        "SeriesInstanceUID": [instance.series_instance_uid],
        "InstanceAvailability": ["ONLINE"],
        "AvailableTransferSyntaxUID": [instance.transfer_syntax_uid],
        "RetrieveURL": [where.instance(instance)],
    }


def dicom_json(attributes: Attributes) -> dict[str, Any]:
    """In the DICOM JSON model (PS3.18 Annex F), by tag."""
    told = {f"{tag_for_keyword(keyword):08X}": _told(keyword, values) for keyword, values in attributes.items()}
    return dict(sorted(told.items()))


def _told(keyword: str, values: Sequence[Value]) -> dict[str, Any]:
    vr = dictionary_VR(keyword)
    if not values:
        return {"vr": vr}
    return {"vr": vr, "Value": [_person(str(value)) if vr == "PN" else _typed(vr, value) for value in values]}


def _typed(vr: str, value: Value) -> Value:
    return int(value) if vr in _NUMBERS else str(value)


def _person(name: str) -> dict[str, str]:
    return {group: text for group, text in zip(_NAMES, name.split("="), strict=False) if text}


def _known(text: str) -> list[Value]:
    return [text] if text else []


def _number(text: str) -> list[Value]:
    return [int(text)] if text.lstrip("+-").isdecimal() and len(text) < 13 else []
