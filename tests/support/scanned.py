"""A synthetic chest CT as files, oblique in space, and what our own measures say of it, its lungs marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.objects import Encoder, masks_for, shown_by
from dicom_nodes.objects.context import picture_key
from service.adapters.part10 import Part10Headers
from service.adapters.pixels_pydicom import PydicomPixels
from service.domain import code
from service.domain.report import Evidence, Outcome, Report
from service.domain.study import Identity, StoredInstance
from service.domain.uids import derive_uid
from service.ports.image_models import LabelMap
from service.ports.pixels import Frame
from tests.support.reports import a_context
from workers.algorithms.base import Draft
from workers.measures import algorithm, measures
from workers.measures.base import Numbers, Series

STUDY = derive_uid("scan", "study")
TURNED_RAD = math.radians(12)
"""The stack leans by this much about the patient's left-right axis."""
ALONG_ROW = (1.0, 0.0, 0.0)
ALONG_COLUMN = (0.0, math.cos(TURNED_RAD), math.sin(TURNED_RAD))
UP = (0.0, -math.sin(TURNED_RAD), math.cos(TURNED_RAD))


@dataclass(frozen=True)
class Scan:
    """A series of files, read as the service reads them, and a report of it."""

    files: tuple[Path, ...]
    stored: tuple[StoredInstance, ...]
    identity: Identity
    report: Report
    lungs: LabelMap
    first: Frame

    def written(self, encoder: Encoder) -> bytes:
        """Our own object about it."""
        wanted = {picture_key(image) for image in shown_by(encoder, self.report)}
        context = a_context(
            identity=self.identity,
            study_instance_uid=STUDY,
            series_instance_uid=derive_uid("scan", encoder.ROLE, "series"),
            sop_instance_uid=derive_uid("scan", encoder.ROLE),
            instances=tuple(each.instance for each in self.stored),
            pictures={(self.first.source, 1): self.first} if wanted else {},
            masks=dict.fromkeys(masks_for(encoder, self.report), self.lungs.labels),
        )
        return encoder.encode(self.report, context)


def scan(folder: Path, hu: NDArray[np.int16], spacing_mm: tuple[float, float, float]) -> Scan:
    """`hu` (slices, rows, columns) as files, and the report of the measures "chest-ct-lungs" and "ct-attenuation"."""
    files = tuple(_written(folder / f"{at:03}.dcm", at, values, spacing_mm) for at, values in enumerate(hu))
    headers, pixels = Part10Headers(children=1), PydicomPixels(_open)
    try:
        read = [headers.read(file.open("rb")) for file in files]
        stored = tuple(
            StoredInstance(instance=each.instance, location=str(file), sha256="0" * 64, size=file.stat().st_size)
            for each, file in zip(read, files, strict=True)
        )
        frames = [pixels.rescaled(each) for each in stored]
        first = pixels.read(stored[0])
    finally:
        headers.close()
        pixels.close()
    numbers = {name: measures()[name].measure(frames) for name in ("chest-ct-lungs", "ct-attenuation")}
    return Scan(
        files=files,
        stored=stored,
        identity=read[0].identity,
        report=_report(numbers, [Evidence.of(each.instance) for each in stored]),
        lungs=LabelMap.from_plain(numbers["chest-ct-lungs"]["mask"]["map"]),
        first=first,
    )


def _report(numbers: dict[str, Numbers], images: Sequence[Evidence]) -> Report:
    series = Series(images=tuple(images), number=1, of=1)
    drafts: dict[str, Draft] = {
        name: measures()[name].draft(told, series, namespace="scan") for name, told in numbers.items()
    }
    who = [algorithm(measures()[name]) for name in drafts]
    return Report(
        outcome=Outcome.ANALYSED,
        algorithms=tuple(who),
        procedure=code.PROCEDURES["CT"],
        images=series.ends,
        findings=tuple(
            replace(finding, algorithm_uid=each.device_uid)
            for each, draft in zip(who, drafts.values(), strict=True)
            for finding in draft.findings
        ),
        sentences=tuple(sentence for draft in drafts.values() for sentence in draft.sentences),
    )


def _written(path: Path, at: int, hu: NDArray[np.int16], spacing_mm: tuple[float, float, float]) -> Path:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, derive_uid("scan", "slice", at)
    image.StudyInstanceUID, image.SeriesInstanceUID = STUDY, derive_uid("scan", "series")
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Lungs^Leo", "L-1", "19600101", "M"
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260101", "120000", "1", "A2"
    image.SeriesNumber, image.InstanceNumber, image.SeriesDescription = 1, at + 1, "Synthetic chest, oblique"
    image.Modality, image.BodyPartExamined = "CT", "CHEST"
    image.Rows, image.Columns = hu.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, -1024, "HU"
    image.WindowCenter, image.WindowWidth = -400, 1500
    image.PixelSpacing, image.SliceThickness = list(spacing_mm[1:]), spacing_mm[0]
    image.ImagePositionPatient = [f"{part * at * spacing_mm[0]:.6f}" for part in UP]
    image.ImageOrientationPatient = [f"{part:.6f}" for part in (*ALONG_ROW, *ALONG_COLUMN)]
    image.FrameOfReferenceUID = derive_uid("scan", "frame of reference")
    image.PixelData = (hu.astype(np.int32) + 1024).astype("<u2").tobytes()
    image.save_as(path, enforce_file_format=True)
    return path


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")
