"""A phantom as a DICOM object of a computed or digital radiography device. NumPy and pydicom."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray
from phantom_model import Grey, spacing_mm
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import Code, codes
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

ISSUER = "PREREAD-PHANTOM"
FIRST_DAY = date(2024, 1, 1)
COMMENT = "Synthetic phantom, rendered. No patient. Not for clinical use."
VIEW_CODES = {"PA": codes.cid4010.PosteroAnterior, "AP": codes.cid4010.AnteroPosterior}


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


@dataclass(frozen=True)
class Subject:
    """Who stands in the header and when; nobody real."""

    number: int
    kind: str
    """phantom, blank or noise: the file's and the family name."""
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
    # PS3.3 C.11.2.1.2.1: black is centre - 0.5 - (width - 1) / 2, white lies width - 1 values above.
    return values, round((black + white) / 2 + 0.5, 1), round(white - black + 1, 1)


def presented(values: NDArray[np.integer], centre: float, width: float) -> NDArray[np.uint16]:
    """Return MONOCHROME2 stored values through a linear window (PS3.3 C.11.2.1.2.1), over 0..65535.

    This is what a client sends to a model.
    """
    shown = (values.astype(np.float32) - np.float32(centre - 0.5)) / np.float32(width - 1) + 0.5
    return np.rint(np.clip(shown, 0, 1) * 65535).astype(np.uint16)


def uid(subject: Subject, role: str) -> UID:
    """Return the UID of one of the subject's objects: 2.25, from seed, kind, number and role alone."""
    name = f"preread phantom {subject.seed} {subject.kind} {subject.number} {role}"
    return UID(f"2.25.{uuid5(NAMESPACE_OID, name).int}")


def encode(grey: Grey, subject: Subject, detector: Detector) -> FileDataset:
    """Return the DICOM file of `grey`, (rows, columns) over 0..1, ready to be saved."""
    sop_class = DigitalXRayImageStorageForPresentation if detector.digital else ComputedRadiographyImageStorage
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid(subject, "instance")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _patient_and_study(dataset, subject)
    _series_and_device(dataset, subject, detector)
    _image(dataset, grey, detector)
    if detector.digital:
        _digital(dataset, subject)
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
    dataset.StudyDescription = f"Chest {subject.view}"


def _series_and_device(dataset: Dataset, subject: Subject, detector: Detector) -> None:
    dataset.Modality = "DX" if detector.digital else "CR"
    dataset.SeriesInstanceUID = uid(subject, "series")
    dataset.SeriesNumber = "1"
    dataset.SeriesDescription = f"Chest {subject.view}"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = subject.view
    dataset.PatientOrientation = ["L", "F"]
    dataset.Manufacturer = "preread phantom"
    dataset.ManufacturerModelName = "Digital detector" if detector.digital else "Imaging plate"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"
    dataset.KVP = "110"


def _image(dataset: Dataset, grey: Grey, detector: Detector) -> None:
    pixels, centre, width = stored(grey, detector)
    spacing = f"{spacing_mm(*grey.shape):.5f}"
    dataset.InstanceNumber = "1"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.ImageComments = COMMENT
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = grey.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, detector.bits, detector.bits - 1
    dataset.PixelRepresentation = 0
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.PixelSpacing = [spacing, spacing]
    dataset.WindowCenter, dataset.WindowWidth = f"{centre:.1f}", f"{width:.1f}"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _digital(dataset: Dataset, subject: Subject) -> None:
    """Add what PS3.3 A.26 asks of a DX image beyond a CR image."""
    dataset.ImageLaterality = "U"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1
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
