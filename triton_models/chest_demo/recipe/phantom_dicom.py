"""A phantom as a DICOM object of a computed or digital radiography device or a CT scanner. NumPy and pydicom."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray
from phantom_ct import WINDOW
from phantom_shapes import Grey, spacing_mm
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import Code, codes
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

ISSUER = "PREREAD-PHANTOM"
FIRST_DAY = date(2024, 1, 1)
COMMENT = "Synthetic phantom, rendered. No patient. Not for clinical use."
VIEW_CODES = {
    "PA": codes.cid4010.PosteroAnterior,
    "AP": codes.cid4010.AnteroPosterior,
    "LL": codes.cid4010.LeftLateral,
}
SLICE_MM = 10.0
"""Distance and thickness of a CT phantom's slices."""
SCAN_SIDE = 512


@dataclass(frozen=True)
class Detector:
    """How a picture is stored."""

    rows: int
    columns: int
    bits: int
    dark: float
    """Share of the stored range that lies below grey 0."""
    gain: float
    """Share of the stored range that grey 0 to 1 takes."""
    window: tuple[float, float]
    """The grey values that the window shows as black and as white."""
    digital: bool
    """A DX device; else CR."""
    inverted: bool = False
    """Stored as MONOCHROME1: low values are shown bright."""


@dataclass(frozen=True)
class Subject:
    """Who stands in the header and when; nobody real."""

    number: int
    kind: str
    """phantom, lateral, ct, blank or noise: the file's and the family name."""
    seed: int
    sex: str
    view: str
    age_years: int
    taken: datetime


def sample_detector(rng: np.random.Generator) -> Detector:
    """Return one of many detectors: long side 512 to 1024 pixels, 12 or 16 bits, varied exposure."""
    long, ratio = int(rng.choice((512, 640, 768, 896, 1024))), float(rng.uniform(0.9, 1.0))
    short = round(long * ratio / 2) * 2
    rows, columns = (long, short) if rng.random() < 0.6 else (short, long)
    return Detector(
        rows=rows,
        columns=columns,
        bits=int(rng.choice((12, 16))),
        dark=float(rng.uniform(0.02, 0.12)),
        gain=float(rng.uniform(0.70, 0.86)),
        window=(float(rng.uniform(-0.06, 0.04)), float(rng.uniform(0.90, 1.08))),
        digital=bool(rng.random() < 0.5),
        inverted=bool(rng.random() < 0.2),
    )


UNIFORM = Detector(rows=768, columns=768, bits=12, dark=0.05, gain=0.8, window=(0.0, 1.0), digital=True)
"""One detector for files whose pixels a test exchanges."""


def sample_subject(rng: np.random.Generator, *, number: int, kind: str, seed: int, sex: str, view: str) -> Subject:
    """Return an adult of 20 to 89 years, examined in 2024."""
    minutes = int(rng.integers(366 * 24 * 60))
    taken = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(minutes=minutes)
    return Subject(number, kind, seed, sex, view, int(rng.integers(20, 90)), taken)


def stored(grey: Grey, detector: Detector) -> tuple[NDArray[np.uint16], float, float]:
    """Return the stored values of `grey` (0..1), and the window's centre and width."""
    top = 2**detector.bits - 1
    values = np.clip(np.rint((detector.dark + detector.gain * grey) * top), 0, top).astype(np.uint16)
    black, white = ((detector.dark + detector.gain * shown) * top for shown in detector.window)
    if detector.inverted:
        values, black, white = (top - values).astype(np.uint16), top - white, top - black
    # PS3.3 C.11.2.1.2.1: black is centre - 0.5 - (width - 1) / 2, white lies width - 1 values above.
    return values, round((black + white) / 2 + 0.5, 1), round(white - black + 1, 1)


def presented(
    values: NDArray[np.integer], centre: float, width: float, *, inverted: bool = False
) -> NDArray[np.uint16]:
    """Return modality values through a linear window (PS3.3 C.11.2.1.2.1), over 0..65535, bright for dense.

    This is what a client sends to a model; `inverted` for MONOCHROME1.
    """
    shown = (values.astype(np.float32) - np.float32(centre - 0.5)) / np.float32(width - 1) + 0.5
    shown = np.clip(shown, 0, 1)
    return np.rint((1 - shown if inverted else shown) * 65535).astype(np.uint16)


def shown(dataset: Dataset) -> NDArray[np.uint16]:
    """Return a phantom's file as a client sends it: rescaled, through its window, bright for dense."""
    values = dataset.pixel_array * np.float32(dataset.RescaleSlope) + np.float32(dataset.RescaleIntercept)
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    return presented(values, float(dataset.WindowCenter), float(dataset.WindowWidth), inverted=inverted)


@dataclass(frozen=True)
class Scanner:
    """How a CT slice is stored and shown."""

    side: int
    centre: float
    width: float


def sample_scanner(rng: np.random.Generator) -> Scanner:
    """Return a scanner with a wide window about lung and soft tissue."""
    side = int(rng.choice((SCAN_SIDE, SCAN_SIDE, 384)))
    return Scanner(side, float(rng.integers(-400, -300)), float(rng.integers(1380, 1620)))


def hounsfield(grey: Grey) -> NDArray[np.int16]:
    """Return the Hounsfield units that a CT phantom's grey stands for, whole."""
    return np.rint(WINDOW[0] + grey * (WINDOW[1] - WINDOW[0])).astype(np.int16)


def encode_slice(grey: Grey, subject: Subject, scanner: Scanner, number: int) -> FileDataset:
    """Return the CT slice `number` (from 1, from the top) of `grey`, ready to be saved. See PS3.3 A.3."""
    dataset = _empty(CTImageStorage, uid(subject, f"instance {number}"))
    _patient_and_study(dataset, subject)
    _scan(dataset, subject)
    spacing, size = f"{spacing_mm(*grey.shape):.5f}", grey.shape[0] * spacing_mm(*grey.shape)
    corner = f"{-size / 2:.3f}"
    dataset.InstanceNumber = str(number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = uid(subject, "frame of reference"), ""
    dataset.ImagePositionPatient = [corner, corner, f"{-SLICE_MM * number:.1f}"]
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.SliceLocation, dataset.SliceThickness = f"{-SLICE_MM * number:.1f}", f"{SLICE_MM:.1f}"
    dataset.PixelSpacing = [spacing, spacing]
    _pixels(dataset, np.clip(hounsfield(grey) + 1024, 0, 4095).astype(np.uint16), bits=12)
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = f"{scanner.centre:.1f}", f"{scanner.width:.1f}"
    return dataset


def uid(subject: Subject, role: str) -> UID:
    """Return the UID of one of the subject's objects: 2.25, from seed, kind, number and role alone."""
    name = f"preread phantom {subject.seed} {subject.kind} {subject.number} {role}"
    return UID(f"2.25.{uuid5(NAMESPACE_OID, name).int}")


def encode(grey: Grey, subject: Subject, detector: Detector) -> FileDataset:
    """Return the DICOM file of `grey`, (rows, columns) over 0..1, ready to be saved."""
    sop_class = DigitalXRayImageStorageForPresentation if detector.digital else ComputedRadiographyImageStorage
    dataset = _empty(sop_class, uid(subject, "instance"))
    _patient_and_study(dataset, subject)
    _series_and_device(dataset, subject, detector)
    _image(dataset, grey, detector)
    if detector.digital:
        _digital(dataset, subject)
    return dataset


def _empty(sop_class: UID, instance: UID) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, instance
    return dataset


def _patient_and_study(dataset: Dataset, subject: Subject) -> None:
    taken, number = subject.taken, subject.number
    dataset.PatientName = f"{subject.kind.capitalize()}^{number:04d}"
    dataset.PatientID = f"PH-{subject.seed}-{subject.kind[0].upper()}{number:04d}"
    dataset.IssuerOfPatientID = ISSUER
    born = taken.date() - timedelta(days=round(subject.age_years * 365.25) + 20 + 17 * number % 300)
    dataset.PatientBirthDate = born.strftime("%Y%m%d")
    dataset.PatientSex = subject.sex
    dataset.PatientAge = f"{subject.age_years:03d}Y"
    dataset.StudyInstanceUID = uid(subject, "study")
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = taken.strftime("%Y%m%d")
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = taken.strftime("%H%M%S")
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.StudyID = str(number)
    dataset.AccessionNumber = f"{subject.kind[0].upper()}{subject.seed % 10**8}.{number:04d}"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = _description(subject)


def _series_and_device(dataset: Dataset, subject: Subject, detector: Detector) -> None:
    dataset.Modality = "DX" if detector.digital else "CR"
    _series(dataset, subject)
    dataset.ViewPosition = subject.view
    dataset.PatientOrientation = ["P", "F"] if subject.view == "LL" else ["L", "F"]
    dataset.ManufacturerModelName = "Digital detector" if detector.digital else "Imaging plate"
    dataset.KVP = "110"


def _description(subject: Subject) -> str:
    return "Chest CT" if subject.view == "AX" else f"Chest {subject.view}"


def _series(dataset: Dataset, subject: Subject) -> None:
    dataset.SeriesInstanceUID = uid(subject, "series")
    dataset.SeriesNumber = "1"
    dataset.SeriesDescription = _description(subject)
    dataset.BodyPartExamined = "CHEST"
    dataset.Manufacturer = "preread phantom"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"


def _scan(dataset: Dataset, subject: Subject) -> None:
    dataset.Modality = "CT"
    _series(dataset, subject)
    dataset.ManufacturerModelName = "Scanner"
    dataset.PatientPosition = "HFS"
    dataset.KVP = "120"
    dataset.AcquisitionNumber = "1"


def _image(dataset: Dataset, grey: Grey, detector: Detector) -> None:
    pixels, centre, width = stored(grey, detector)
    spacing = f"{spacing_mm(*grey.shape):.5f}"
    dataset.InstanceNumber = "1"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    _pixels(dataset, pixels, bits=detector.bits)
    dataset.PhotometricInterpretation = "MONOCHROME1" if detector.inverted else "MONOCHROME2"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.PixelSpacing = [spacing, spacing]
    dataset.WindowCenter, dataset.WindowWidth = f"{centre:.1f}", f"{width:.1f}"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"


def _pixels(dataset: Dataset, pixels: NDArray[np.uint16], bits: int) -> None:
    dataset.ImageComments = COMMENT
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _digital(dataset: Dataset, subject: Subject) -> None:
    """Add what PS3.3 A.26 asks of a DX image beyond a CR image."""
    dataset.ImageLaterality = "U"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PresentationLUTShape = "INVERSE" if dataset.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if dataset.PhotometricInterpretation == "MONOCHROME1" else -1
    dataset.DetectorType = "SCINTILLATOR"
    dataset.PositionerType = ""
    dataset.AcquisitionContextSequence = Sequence([])
    dataset.AnatomicRegionSequence = Sequence([_coded(codes.cid4031.Chest)])
    dataset.ViewCodeSequence = Sequence([_coded(VIEW_CODES[subject.view])])
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence([])


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code[:3]
    return item
