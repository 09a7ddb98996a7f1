"""Whether an object may leave: our own structural check, before anybody else's (decision 0062).

Not a validator of DICOM: it knows the objects that are written here, and what would make a workstation or an archive
refuse or misread them. Objects of other classes get the checks that hold for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_nodes.objects.content_tree import tree_complaints
from service.domain.uids import is_uid

_DOCUMENT = (
    "CompletionFlag", "VerificationFlag", "PreliminaryFlag", "ContentDate", "ContentTime", "ValueType",
    "ConceptNameCodeSequence", "ContentSequence",
)  # fmt: skip
_TYPE_1: Mapping[UID, tuple[str, ...]] = {
    BasicTextSRStorage: _DOCUMENT,
    ComprehensiveSRStorage: _DOCUMENT,
    Comprehensive3DSRStorage: _DOCUMENT,
    KeyObjectSelectionDocumentStorage: (
        "ContentDate", "ContentTime", "CurrentRequestedProcedureEvidenceSequence", "ValueType",
        "ConceptNameCodeSequence", "ContentSequence",
    ),
    EncapsulatedPDFStorage: (
        "ConversionType", "BurnedInAnnotation", "MIMETypeOfEncapsulatedDocument", "EncapsulatedDocument",
    ),
    SecondaryCaptureImageStorage: (
        "ConversionType", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated",
        "BitsStored", "HighBit", "PixelData",
    ),
    SegmentationStorage: (
        "SegmentationType", "SegmentSequence", "NumberOfFrames", "Rows", "Columns", "PixelData", "ContentLabel",
        "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DimensionOrganizationSequence",
        "DeviceSerialNumber", "SoftwareVersions",
    ),
    GrayscaleSoftcopyPresentationStateStorage: (
        "PresentationCreationDate", "PresentationCreationTime", "ContentLabel", "ReferencedSeriesSequence",
        "DisplayedAreaSelectionSequence", "PresentationLUTShape",
    ),
}  # fmt: skip
"""Attributes that a class needs with a value (PS3.3 A.8, A.33, A.35, A.45)."""
_TYPE_1_OF_ALL = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber",
    "InstanceNumber", "Manufacturer", "SpecificCharacterSet",
)  # fmt: skip
_TYPE_2_OF_ALL = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_FLAGS = {"VerificationFlag": "UNVERIFIED", "PreliminaryFlag": "PRELIMINARY"}
_LENGTHS = {"SH": 16, "CS": 16, "LO": 64, "ST": 1024, "LT": 10240, "DS": 16, "IS": 12}
"""Characters of one value (PS3.5 6.2)."""


def complaints(part10: bytes) -> tuple[str, ...]:
    """What is wrong with the object, each as a sentence; nothing for one that may leave."""
    try:
        dataset = dcmread(BytesIO(part10))
    except (InvalidDicomError, EOFError, ValueError) as error:
        return (f"it cannot be read back: {error}",)
    return tuple(dict.fromkeys(_complaints(dataset)))


def _complaints(dataset: Dataset) -> Iterator[str]:
    yield from _attributes(dataset)
    yield from _values(dataset)
    sop_class = dataset.get("SOPClassUID")
    if "ContentSequence" in dataset:
        yield from tree_complaints(dataset)
    if "PixelData" in dataset:
        yield from _pixels(dataset)
    if sop_class == EncapsulatedPDFStorage:
        yield from _page(dataset)
    if sop_class == SegmentationStorage:
        yield from _segments(dataset)
    if sop_class == GrayscaleSoftcopyPresentationStateStorage:
        yield from _graphics(dataset)


def _attributes(dataset: Dataset) -> Iterator[str]:
    """Type 1 and type 2 attributes, flags, and that file meta and dataset name the same instance."""
    for keyword in (*_TYPE_1_OF_ALL, *_TYPE_1.get(dataset.get("SOPClassUID"), ())):
        if keyword not in dataset or dataset[keyword].is_empty:
            yield f"{keyword} is missing or has no value"
    for keyword in _TYPE_2_OF_ALL:
        if keyword not in dataset:
            yield f"{keyword} is missing"
    for keyword, wanted in _FLAGS.items():
        if dataset.get(keyword, wanted) != wanted:
            yield f"{keyword} is {dataset[keyword].value}, which nobody here may write"
    if dataset.file_meta.get("MediaStorageSOPInstanceUID") != dataset.get("SOPInstanceUID"):
        yield "file meta and dataset name different instances"


def _values(dataset: Dataset) -> Iterator[str]:
    """Every UID is one, and every text fits its value representation, at any depth."""
    for element in dataset.iterall():
        values = element.value if element.VM > 1 else [element.value]
        if element.VR == "UI":
            yield from (f"{element.keyword} holds no UID: {value!r}" for value in values if not is_uid(str(value)))
        limit = _LENGTHS.get(element.VR)
        if limit is not None and any(len(str(value)) > limit for value in values):
            yield f"{element.keyword} is longer than the {limit} characters of {element.VR}"


def _pixels(dataset: Dataset) -> Iterator[str]:
    """Pixel Data is as long as the image says (PS3.5 8.1.1)."""
    frames = int(dataset.get("NumberOfFrames", 1))
    bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated * frames
    size = (bits + 7) // 8
    if len(dataset.PixelData) != size + size % 2:
        yield f"Pixel Data has {len(dataset.PixelData)} bytes, the image says {size}"


def _page(dataset: Dataset) -> Iterator[str]:
    if not dataset.get("EncapsulatedDocument", b"").startswith(b"%PDF-"):
        yield "the encapsulated document is no PDF"
    if dataset.get("MIMETypeOfEncapsulatedDocument") != "application/pdf":
        yield "the encapsulated document is not called a PDF"


def _segments(dataset: Dataset) -> Iterator[str]:
    """As many functional groups as frames, each of a segment that is described (PS3.3 C.8.20)."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence", ())
    if len(groups) != dataset.get("NumberOfFrames"):
        yield f"{len(groups)} functional groups describe {dataset.get('NumberOfFrames')} frames"
    described = {segment.SegmentNumber for segment in dataset.get("SegmentSequence", ())}
    used = {group.SegmentIdentificationSequence[0].ReferencedSegmentNumber for group in groups}
    if described != used:
        yield "segments are described that no frame shows, or the other way round"


def _graphics(dataset: Dataset) -> Iterator[str]:
    """Graphics are whole, on images that the state refers to (PS3.3 C.10.5, C.11.11)."""
    referred = {
        image.ReferencedSOPInstanceUID
        for series in dataset.get("ReferencedSeriesSequence", ())
        for image in series.get("ReferencedImageSequence", ())
    }
    for annotation in dataset.get("GraphicAnnotationSequence", ()):
        for image in annotation.get("ReferencedImageSequence", ()):
            if image.ReferencedSOPInstanceUID not in referred:
                yield f"graphics lie on {image.ReferencedSOPInstanceUID}, to which the state does not refer"
        for graphic in annotation.get("GraphicObjectSequence", ()):
            if len(graphic.GraphicData) != graphic.NumberOfGraphicPoints * graphic.GraphicDimensions:
                yield "a graphic has another number of points than it says"
