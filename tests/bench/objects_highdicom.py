"""The same by highdicom's own classes, called as its documentation does: every image in the library, one mask array."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import highdicom as hd
import numpy as np
from highdicom import sr
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from service.domain import code
from tests.bench.objects import Write
from tests.bench.objects_case import FRAME_OF_REFERENCE, SERIES, SIZE, SPACING_MM, STUDY, ball, instances, labels

NODULE = sr.CodedConcept(code.NODULE.value, code.NODULE.scheme, code.NODULE.meaning)
ALGORITHM = hd.AlgorithmIdentificationSequence(
    name="nodule-finder", version="1", family=codes.DCM.ArtificialIntelligence
)


def writers(findings: int, slices: int) -> tuple[Write, Write]:
    """What writes the report, and what writes the segmentation."""
    images, marked = _images(slices), labels(findings, slices)
    return lambda: _report(images, findings), lambda: _segmentation(images, marked, findings)


def _images(slices: int) -> list[Dataset]:
    """Headers of the slices as pydicom reads them, without pixels."""
    return [_image(number, each.sop_instance_uid) for number, each in enumerate(instances(slices))]


def _image(number: int, uid: str) -> Dataset:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    image.StudyInstanceUID, image.SeriesInstanceUID = STUDY, SERIES
    image.FrameOfReferenceUID = FRAME_OF_REFERENCE
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Bench^Anna", "B", "19700101", "F"
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260101", "120000", "1", "A"
    image.ReferringPhysicianName, image.Modality, image.InstanceNumber = "", "CT", number + 1
    image.Rows = image.Columns = SIZE
    image.PixelSpacing, image.SliceThickness = [SPACING_MM, SPACING_MM], 1.0
    image.ImagePositionPatient, image.ImageOrientationPatient = [-180, -180, number], [1, 0, 0, 0, 1, 0]
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def _report(images: Sequence[Dataset], findings: int) -> bytes:
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=generate_uid()),
    )
    groups = [_group(number, images) for number in range(1, findings + 1)]
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        referenced_images=images,
    )
    written = sr.Comprehensive3DSR(
        evidence=images,
        content=content,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="bench",
    )
    return _bytes(written)


def _group(number: int, images: Sequence[Dataset]) -> sr.MeasurementsAndQualitativeEvaluations:
    source = images[ball(number, len(images))[0]]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier=f"nodule-{number}"),
        finding_type=NODULE,
        finding_sites=[sr.FindingSite(anatomic_location=codes.SCT.Lung, laterality=codes.SCT.Left)],
        algorithm_id=sr.AlgorithmIdentification(name="nodule-finder", version="1"),
        measurements=[
            sr.Measurement(name=codes.SCT.Diameter, value=12.6, unit=codes.UCUM.Millimeter),
            sr.Measurement(name=codes.DCM.CertaintyOfFinding, value=90.0, unit=codes.UCUM.Percent),
        ],
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(source)],
    )


def _segmentation(images: Sequence[Dataset], marked: NDArray[np.uint8], findings: int) -> bytes:
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"nodule {number}",
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=NODULE,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=ALGORITHM,
        )
        for number in range(1, findings + 1)
    ]
    written = hd.seg.Segmentation(
        source_images=images,
        pixel_array=marked,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="bench",
        manufacturer_model_name="bench",
        software_versions="1",
        device_serial_number="1",
    )
    return _bytes(written)


def _bytes(written: Dataset) -> bytes:
    buffer = BytesIO()
    written.save_as(buffer)
    return buffer.getvalue()
