"""From undecoded values to Header: text in the object's character set, numbers as text, UIDs checked."""

from __future__ import annotations

import re
from functools import lru_cache
from struct import unpack

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.uid import UID

from service.adapters.part10_scan import WANTED, WANTED_ITEMS, RawHeader, Values, tag_of
from service.adapters.text import clean, encodings_of, joined, whole
from service.domain.errors import Unreadable
from service.domain.study import ROUTING_KEYWORDS, Identity, Instance, Patient
from service.ports.headers import Header

_CHARSET = tag_of("SpecificCharacterSet")
_ROUTING = tuple((keyword, tag_of(keyword)) for keyword in ROUTING_KEYWORDS)
_EQUIPMENT, _DEVICE = tag_of("ContributingEquipmentSequence"), tag_of("DeviceUID")
_REQUEST, _REASON = tag_of("RequestAttributesSequence"), tag_of("ReasonForTheRequestedProcedure")
_TRANSFER_SYNTAX = tag_of("TransferSyntaxUID")
_VR = {tag: dictionary_VR(tag) for tag in WANTED.union(*WANTED_ITEMS.values())}
_BY_CHARSET = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_DIGITS_AND_DOTS = re.compile(r"[0-9]+(\.[0-9]+)+")
"""Leading zeros are against PS3.5 9.1 but real; no name is made of a UID, so they do no harm."""


def index(raw: RawHeader) -> Header:
    """Decode. Raises Unreadable for a missing or malformed UID."""
    texts = _Texts(raw.values, ("iso8859",))
    instance = Instance(
        sop_class_uid=texts.uid("SOPClassUID"),
        sop_instance_uid=texts.uid("SOPInstanceUID"),
        series_instance_uid=texts.uid("SeriesInstanceUID"),
        study_instance_uid=texts.uid("StudyInstanceUID"),
        transfer_syntax_uid=_checked(raw.transfer_syntax, _TRANSFER_SYNTAX),
        attributes=_attributes(raw, texts),
    )
    return Header(instance=instance, identity=_identity(raw, texts))


def identity_of(raw: RawHeader) -> Identity:
    """The identity alone, of a dataset that may be no instance (a C-FIND answer)."""
    return _identity(raw, _Texts(raw.values, ("iso8859",)))


def uid_of(raw: RawHeader, keyword: str) -> UID:
    """Raises Unreadable if it is missing or malformed."""
    return _Texts(raw.values, ()).uid(keyword)


def text_of(raw: RawHeader, keyword: str) -> str:
    """Empty if it is missing."""
    return _Texts(raw.values, ("iso8859",)).one(keyword)


def _attributes(raw: RawHeader, texts: _Texts) -> dict[str, str]:
    found = {keyword: text for keyword, tag in _ROUTING if tag in raw.values and (text := texts.all(tag))}
    devices = [found.get("DeviceUID", "")]
    devices += [_Texts(item, texts.encodings).all(_DEVICE) for item in raw.items.get(_EQUIPMENT, ())]
    if joined := "\\".join(dict.fromkeys(device for device in devices if device)):
        found["DeviceUID"] = joined
    # An image says why it was asked for in an item only (PS3.3 10.6).
    reasons = [_Texts(item, texts.encodings).all(_REASON) for item in raw.items.get(_REQUEST, ())]
    if reason := next(filter(None, reasons), ""):
        found["ReasonForTheRequestedProcedure"] = reason
    return found


def _identity(raw: RawHeader, texts: _Texts) -> Identity:
    def items(sequence: str, *keywords: str) -> tuple[tuple[str, ...], ...]:
        found = [_Texts(item, texts.encodings) for item in raw.items.get(tag_of(sequence), ())]
        rows = [tuple(item.one(keyword) for keyword in keywords) for item in found]
        return tuple(row for row in rows if any(row))

    issuers = items("IssuerOfAccessionNumberSequence", "LocalNamespaceEntityID", "UniversalEntityID")
    return Identity(
        patient=Patient(
            patient_id=texts.one("PatientID"),
            issuer=texts.one("IssuerOfPatientID"),
            name=texts.one("PatientName"),
            birth_date=texts.one("PatientBirthDate"),
            sex=texts.one("PatientSex"),
        ),
        accession_number=texts.one("AccessionNumber"),
        accession_issuer=(issuers[0][0] or issuers[0][1]) if issuers else "",
        study_id=texts.one("StudyID"),
        study_date=texts.one("StudyDate"),
        study_time=texts.one("StudyTime"),
        study_description=texts.one("StudyDescription"),
        referring_physician=texts.one("ReferringPhysicianName"),
        timezone_offset=texts.one("TimezoneOffsetFromUTC"),
        other_patient_ids=tuple((a, b) for a, b in items("OtherPatientIDsSequence", "PatientID", "IssuerOfPatientID")),
        requests=tuple(
            (a, b) for a, b in items("RequestAttributesSequence", "AccessionNumber", "RequestedProcedureID")
        ),
    )


class _Texts:
    """The values of one dataset or item as text; an item inherits its parent's character set (PS3.5 7.5.3)."""

    def __init__(self, found: Values, inherited: tuple[str, ...]) -> None:
        self._found = found
        self.encodings = encodings_of(found[_CHARSET]) if _CHARSET in found else inherited

    def one(self, keyword: str) -> str:
        """The whole value as one text; a name without its empty component groups at the end."""
        tag = tag_of(keyword)
        raw, vr = self._found.get(tag, b"").rstrip(b"\0"), _VR[tag]
        text = whole(raw, self.encodings) if vr in _BY_CHARSET else clean(raw.decode("ascii", "replace"))
        return text.rstrip("=") if vr == "PN" else text

    def all(self, tag: int) -> str:
        """Every value, joined by a backslash."""
        raw, vr = self._found.get(tag, b""), _VR[tag]
        if vr == "US":
            return "\\".join(str(number) for number in unpack(f"<{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))
        encodings = self.encodings if vr in _BY_CHARSET else ("iso8859",)
        return joined(raw.rstrip(b"\0"), encodings)

    def uid(self, keyword: str) -> UID:
        tag = tag_of(keyword)
        return _checked(self._found.get(tag, b"").strip(b"\0 ").decode("ascii", "replace"), tag)


@lru_cache(1024)
def _checked(text: str, tag: int) -> UID:
    if not text:
        raise Unreadable(f"{_named(tag)} is missing.")
    if len(text) > 64 or not _DIGITS_AND_DOTS.fullmatch(text):
        raise Unreadable(f"{_named(tag)} is not a UID.")
    return UID(text)


def _named(tag: int) -> str:
    if tag == _TRANSFER_SYNTAX:
        return "Transfer Syntax UID"
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {_spaced(keyword_for_tag(tag))}"


def _spaced(keyword: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=SOP)(?=[A-Z])", " ", keyword)
