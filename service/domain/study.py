"""Patient, Identity, Instance, Study and Manifest: what arrived, and the frozen list that a job reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import MappingProxyType

from pydicom.uid import UID

from service.domain.geometry import Plane, Vector

ROUTING_KEYWORDS = (
    "Modality", "BodyPartExamined", "ViewPosition", "ImageLaterality", "Laterality", "PatientAge",
    "SeriesNumber", "SeriesDescription", "ProtocolName", "InstanceNumber", "NumberOfFrames", "ImageType",
    "Rows", "Columns", "BitsStored", "PixelRepresentation", "PhotometricInterpretation", "SamplesPerPixel",
    "Manufacturer", "ManufacturerModelName", "StationName", "InstitutionName", "DeviceSerialNumber",
    "PresentationIntentType", "SliceThickness", "FrameOfReferenceUID", "ContrastBolusAgent",
    "ImagePositionPatient", "ImageOrientationPatient", "ReasonForTheRequestedProcedure", "ReasonForStudy",
    "StudyDescription", "RequestedProcedureDescription", "DeviceUID", "AcquisitionDate", "AcquisitionTime",
)  # fmt: skip
"""Attributes of an instance that the ledger indexes and a rule may ask for, by DICOM keyword."""

_IS = re.compile(r"[+-]?[0-9]{1,12}")
_DS = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_NO_AGENT = frozenset({"", "NONE", "NO", "N", "NO CONTRAST", "WITHOUT"})
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """Who was examined. The key is identifier and issuer; the name is text in NFC, PN components kept."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    """DICOM DA, YYYYMMDD, as it was sent."""
    sex: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Patient, order and study attributes of one study: a versioned fact, apart from the pixel bytes."""

    patient: Patient = Patient()
    accession_number: str = ""
    accession_issuer: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    referring_physician: str = ""
    timezone_offset: str = ""
    """(0008,0201) as sent, such as "+0100"; empty if the sender gave none."""
    other_patient_ids: tuple[tuple[str, str], ...] = ()
    """(identifier, issuer) pairs of Other Patient IDs Sequence."""
    requests: tuple[tuple[str, str], ...] = ()
    """(accession number, requested procedure ID) of every Request Attributes item."""

    @property
    def digest(self) -> str:
        """SHA-256 over every attribute; equal identities, equal digest."""
        return hashlib.sha256(repr([getattr(self, f.name) for f in fields(self)]).encode()).hexdigest()

    def same_person_and_order(self, other: Identity) -> bool:
        """Whether what a reader would see of patient and order is the same (invariant 10).

        An attribute that one side does not state does not contradict.
        """
        mine, theirs = self.patient, other.patient
        pairs = (
            (mine.patient_id, theirs.patient_id),
            (mine.issuer, theirs.issuer),
            (name_key(mine.name), name_key(theirs.name)),
            (mine.birth_date, theirs.birth_date),
            (mine.sex, theirs.sex),
            (self.accession_number, other.accession_number),
        )
        return all(a == b or not a or not b for a, b in pairs)


def name_key(name: str) -> str:
    """PN without trailing delimiters or case: archives trim and fold them (knowledge.md, "names")."""
    return name.split("=")[0].rstrip("^ ").casefold()


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One SOP Instance as its header describes it (PS3.3 C.12.1)."""

    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
    study_instance_uid: UID
    transfer_syntax_uid: UID
    attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Some of ROUTING_KEYWORDS; multi-valued attributes joined by a backslash."""

    @property
    def modality(self) -> str:
        return self.attributes.get("Modality", "")

    @property
    def body_part(self) -> str:
        return self.attributes.get("BodyPartExamined", "").upper()

    @property
    def view(self) -> str:
        return self.attributes.get("ViewPosition", "").upper()

    @property
    def laterality(self) -> str:
        """R, L, U or B: Image Laterality, else Laterality; empty if neither is stated."""
        return (self.attributes.get("ImageLaterality") or self.attributes.get("Laterality", "")).upper()

    @property
    def contrast_agent(self) -> str:
        """Contrast/Bolus Agent (0018,0010); empty where none was given, which many devices write as a word."""
        agent = self.attributes.get("ContrastBolusAgent", "").strip()
        return "" if agent.upper() in _NO_AGENT else agent

    @property
    def slice_thickness_mm(self) -> float | None:
        """Slice Thickness (0018,0050); None if it is not stated."""
        return next(iter(self._decimals("SliceThickness", 1)), None)

    @property
    def position_mm(self) -> Vector | None:
        """Image Position (Patient), x y z of PS3.3 C.7.6.2.1.1; None if it is not stated."""
        found = self._decimals("ImagePositionPatient", 3)
        return (found[0], found[1], found[2]) if found else None

    @property
    def orientation(self) -> tuple[Vector, Vector] | None:
        """Image Orientation (Patient), direction of the rows, then of the columns; None if it is not stated."""
        found = self._decimals("ImageOrientationPatient", 6)
        return ((found[0], found[1], found[2]), (found[3], found[4], found[5])) if found else None

    @property
    def plane(self) -> Plane:
        """Where it lies, as far as it says so."""
        along, down = self.orientation or (None, None)
        return Plane(
            position_mm=self.position_mm,
            row_direction=along,
            column_direction=down,
            thickness_mm=self.slice_thickness_mm,
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """Rows and columns; None if the header does not say."""
        rows, columns = (_whole_number(self.attributes.get(name, "")) or 0 for name in ("Rows", "Columns"))
        return (rows, columns) if rows > 0 and columns > 0 else None

    @property
    def number(self) -> int | None:
        """Instance Number."""
        return _whole_number(self.attributes.get("InstanceNumber", ""))

    @property
    def localizer(self) -> bool:
        """Whether the image only planned the others (Image Type, value 3, PS3.3 C.8.2.1.1.1)."""
        return self.attributes.get("ImageType", "").upper().split("\\")[2:3] == ["LOCALIZER"]

    def _decimals(self, keyword: str, count: int) -> tuple[float, ...]:
        """`count` finite decimal strings (DS of PS3.5 6.2), or none at all."""
        texts = self.attributes.get(keyword, "").split("\\")
        if len(texts) != count or not all(_DS.fullmatch(text.strip()) for text in texts):
            return ()
        return tuple(float(text) for text in texts)

    @property
    def frames(self) -> int:
        """Number of frames; 1 where the header does not say otherwise."""
        return max(1, _whole_number(self.attributes.get("NumberOfFrames", "")) or 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredInstance:
    """An instance whose bytes are durable: `location` is volume + key, never an absolute path."""

    instance: Instance
    location: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """What the ledger knows of a study when it has to decide something about it."""

    study_instance_uid: UID
    identity: Identity
    identity_version: int
    source: str
    """Name of the source it came from (nodes.toml)."""
    received_first: datetime
    received_last: datetime
    instances: tuple[StoredInstance, ...] = ()
    """Without those that a rejection note names."""
    rejected: int = 0
    """How many were left out because of one."""

    def series(self) -> Mapping[UID, tuple[StoredInstance, ...]]:
        """Instances by series, in order of arrival of the series, sorted by instance number inside it."""
        found: dict[UID, list[StoredInstance]] = {}
        for stored in self.instances:
            found.setdefault(stored.instance.series_instance_uid, []).append(stored)
        return {uid: tuple(sorted(members, key=_by_number)) for uid, members in found.items()}


def _by_number(stored: StoredInstance) -> tuple[int, str]:
    return (stored.instance.number or 0, stored.instance.sop_instance_uid)


def _whole_number(text: str) -> int | None:
    """An IS of PS3.5 6.2; None for anything else, of which headers hold plenty."""
    return int(text) if _IS.fullmatch(text) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The frozen, versioned list of instances that a job reads."""

    study_instance_uid: UID
    version: int
    instances: tuple[StoredInstance, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over study and (SOP Instance UID, sha256) pairs, whatever their order of arrival."""
        return manifest_digest(self.study_instance_uid, self.instances)


def manifest_digest(study_instance_uid: str, instances: tuple[StoredInstance, ...]) -> str:
    lines = sorted(f"{s.instance.sop_instance_uid} {s.sha256}" for s in instances)
    return hashlib.sha256("\n".join([str(study_instance_uid), *lines]).encode()).hexdigest()


def age_years(identity: Identity, attributes: Mapping[str, str]) -> float | None:
    """Age at the study in years: birth date against study date, else Patient's Age (AS), else None."""
    born, seen = _date(identity.patient.birth_date), _date(identity.study_date)
    if born and seen and seen >= born:
        return (seen - born) / timedelta(days=365.2425)
    text = attributes.get("PatientAge", "")
    unit = {"D": 1 / 365.2425, "W": 7 / 365.2425, "M": 1 / 12, "Y": 1.0}.get(text[-1:])
    number = _whole_number(text[:-1])
    return number * unit if unit and number is not None and number >= 0 else None


def _date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return None
