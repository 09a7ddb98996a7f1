"""Deidentified: one image under the Basic Application Level Confidentiality Profile (PS3.15 E.2), by a library's table.

Which attribute is removed, emptied or replaced says dicom-anonymizer's copy of table E.1-1 (2026c). Ours are the UIDs,
remapped under the site's key, and the dates, moved by as many days for all of a patient (option E.3.6, modified dates).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from dicomanonymizer import anonymize_dataset, initialize_actions
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from service.domain.errors import Refused, Unreadable
from service.domain.pseudonym import Pseudonyms
from service.domain.scrub import Known, leaks

TABLE = "dicomfields_2026c"
PROFILE = "Basic Application Level Confidentiality Profile (PS3.15 2026c, E.2), modified dates (E.3.6)"
_METHODS = (("113100", "Basic Application Confidentiality Profile"),
            ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"))  # fmt: skip
_DATES = {"DA", "DT"}
_OF_A_LIFE = {"PatientBirthDate", "PatientDeathDateInAlternativeCalendar", "LastMenstrualDate", "ExpectedDueDate"}
"""Dates that are emptied, not moved: they tell who it is by the distance to all others."""
_WRITTEN_ON = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.6.", "1.2.840.10008.5.1.4.1.1.3.",
               "1.2.840.10008.5.1.4.1.1.77.", "1.2.840.10008.5.1.4.1.1.12.77")  # fmt: skip
"""SOP classes whose images often have text in their pixels: secondary captures, ultrasound, photographs."""
_TEXTS = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.11.", "1.2.840.10008.5.1.4.1.1.104.")
"""SOP classes that are words, not images: reports, presentation states, encapsulated documents."""
_NUMBERS = (
    "PatientID", "AccessionNumber", "StudyID", "AdmissionID", "OtherPatientIDs", "MedicalRecordLocator",
    "RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID", "PatientTelephoneNumbers",
    "FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest", "ServiceEpisodeID",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "DeviceSerialNumber",
)  # fmt: skip
_PLACES = ("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "PatientAddress",
           "RequestingService", "IssuerOfPatientID", "PatientComments", "CurrentPatientLocation")  # fmt: skip
_SMALLEST_LEAK = 6
"""Characters from which on a known value is looked for in the bytes of a file; shorter ones stand in any pixels."""


def read(stream: BinaryIO, *, pixels: bool = True) -> Dataset:
    """Raises Unreadable."""
    try:
        return dcmread(stream, stop_before_pixels=not pixels)
    except (InvalidDicomError, ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError) as error:
        raise Unreadable(f"the image cannot be read ({type(error).__name__})") from error


def known_of(header: Dataset) -> Known:
    """What an image's header says of people, places, numbers and dates, at any depth."""
    names, places, numbers, dates = (set[str]() for _ in range(4))
    for element in _elements(header):
        values = [str(each).strip() for each in _values(element)]
        if element.VR == "PN":
            names.update(values)
        elif element.keyword in _PLACES:
            places.update(values)
        elif element.keyword in _NUMBERS:
            numbers.update(values)
        elif element.VR in _DATES:
            dates.update(value[:8] for value in values)
    return Known(*(frozenset(filter(None, found)) for found in (names, places, numbers, dates)))


def burned_in(header: Dataset) -> str:
    """What the header says of text in the pixels: "no" or "not stated". Raises Refused where some is or may be."""
    stated = str(header.get("BurnedInAnnotation", "")).strip().upper()
    sop_class = str(header.get("SOPClassUID", ""))
    if sop_class.startswith(_TEXTS):
        raise Refused("it is a document, not an image")
    if stated == "YES":
        raise Refused("its header says that text is burned into the image")
    if str(header.get("RecognizableVisualFeatures", "")).strip().upper() == "YES":
        raise Refused("its header says that a person can be recognised in the image")
    if stated != "NO" and sop_class.startswith(_WRITTEN_ON):
        raise Refused(
            "images of its kind often have text in their pixels, and its header does not say that there is none"
        )
    return "no" if stated == "NO" else "not stated"


def deidentified(image: Dataset, pseudonyms: Pseudonyms, *, patient: str, known: Known) -> bytes:
    """`image`, which is changed, as a file that says that it was de-identified. Raises Refused where it cannot be."""
    syntax = image.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise Refused("it names no transfer syntax")
    try:
        for item in _items(image):
            anonymize_dataset(item, _ours(), delete_private_tags=True, base_rules_gen=_table)
    except (NotImplementedError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Refused(f"an attribute of it cannot be de-identified ({type(error).__name__})") from error
    for element in _elements(image):
        _remap(element, pseudonyms, patient)
        if element.VR in _WORDS and any(leaks(str(each), known) for each in _values(element)):
            element.value = ""  # what the profile leaves, such as the name of a kernel, may still name somebody
    _say(image, pseudonyms, patient)
    made = _written(image, UID(syntax))
    _check(made, known)
    return made


def _table() -> dict[tuple[int, ...], Callable[..., None]]:
    return dict(initialize_actions(TABLE))


def _ours() -> dict[tuple[int, ...], Callable[..., None]]:
    """Other actions than the table's: UIDs, dates and references to images are left to `_remap`, and a sequence goes
    as a whole, for the library fills it with UIDs that are others each time."""
    found: dict[tuple[int, ...], Callable[..., None]] = {}
    for tag in _table():
        number = tag[0] << 16 | tag[1]
        if len(tag) > 2 or not dictionary_has_tag(number):
            continue
        if number in _REFERRING or dictionary_VR(number) in {*_DATES, "UI"}:
            found[tag] = _leave
        elif dictionary_VR(number) == "SQ":
            found[tag] = _remove
    return found


_REFERRING = {0x00081140, 0x00082112}
"""Referenced Image Sequence and Source Image Sequence: X/Z/U* in the table."""


def _leave(dataset: Dataset, tag: object) -> None:
    """Keep an attribute as it is."""


def _remove(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        del dataset[tag]


def _remap(element: DataElement, pseudonyms: Pseudonyms, patient: str) -> None:
    if element.VR == "UI":
        _replace(element, lambda value: pseudonyms.uid(value))
    elif element.VR in _DATES:
        gone = element.keyword in _OF_A_LIFE
        _replace(element, lambda value: "" if gone else pseudonyms.date(value, patient))


def _replace(element: DataElement, new: Callable[[str], str]) -> None:
    if element.VM > 1:
        element.value = [new(str(each)) for each in element.value]
    elif element.value:
        element.value = new(str(element.value))


def _say(image: Dataset, pseudonyms: Pseudonyms, patient: str) -> None:
    image.PatientID = image.PatientName = pseudonyms.of("patient", patient)
    image.PatientIdentityRemoved = "YES"
    image.LongitudinalTemporalInformationModified = "MODIFIED"
    image.DeidentificationMethod = "preread: profile of PS3.15 E.2"
    methods = []
    for value, meaning in _METHODS:
        method = Dataset()
        method.CodeValue, method.CodingSchemeDesignator, method.CodeMeaning = value, "DCM", meaning
        methods.append(method)
    image.DeidentificationMethodCodeSequence = methods


def _written(image: Dataset, syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    image.file_meta, image.preamble = meta, b"\0" * 128
    out = BytesIO()
    image.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _check(made: bytes, known: Known) -> None:
    """Raise Refused where something that is known of a person is left anywhere in the bytes."""
    lower = made.lower()
    spelled = (
        each for value in (*known.names, *known.numbers) for each in (value, *value.replace("=", "^").split("^"))
    )
    for value in {each.strip() for each in spelled if len(each.strip()) >= _SMALLEST_LEAK}:
        for encoding in ("utf-8", "latin-1"):
            if value.lower().encode(encoding, "replace") in lower:
                raise Refused("something that is known of a person is left in its bytes")


_WORDS = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}


def _items(dataset: Dataset) -> Iterator[Dataset]:
    """`dataset` and every item of its sequences; an item before what it stands in."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _items(item)
    yield dataset


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for item in list(_items(dataset)):
        yield from (element for element in item if element.VR != "SQ")


def _values(element: DataElement) -> list[object]:
    return list(element.value) if element.VM > 1 else [element.value] if element.value is not None else []
