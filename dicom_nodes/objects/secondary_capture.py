"""Secondary Capture: the reading as a picture, for workstations that show pictures and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_nodes.objects.body_part import body_part
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.header import composite, content_moment, part10
from dicom_nodes.objects.panel import panel
from dicom_nodes.objects.picture import key_images
from dicom_nodes.objects.text import short_text
from service.domain.report import Evidence, Report, first_line

ROLE = "secondary-capture"
SOP_CLASS_UID = SecondaryCaptureImageStorage


def applies(report: Report) -> bool:
    """Always: a study that matched and was not read says so."""
    return True


def shows(report: Report) -> Sequence[Evidence]:
    """The key images."""
    return key_images(report)


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes."""
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="OT", kind="picture")
    body_part(dataset, report.images, context)
    dataset.ConversionType = "WSD"
    content_moment(dataset, context)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "YES"
    dataset.DerivationDescription = short_text(f"Notice and boxes burned in. {first_line(report)}")
    dataset.ImageComments = short_text(first_line(report))
    if sources := [_source(image) for image in key_images(report)]:
        dataset.SourceImageSequence = sources
    _pixels(dataset, report, context)
    return part10(dataset, context)


def _source(image: Evidence) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class_uid
    item.ReferencedSOPInstanceUID = image.sop_instance_uid
    if image.frame:
        item.ReferencedFrameNumber = image.frame
    return item


def _pixels(dataset: Dataset, report: Report, context: EncodingContext) -> None:
    """Image Pixel (PS3.3 C.7.6.3): RGB, 8 bit, not compressed."""
    picture = panel(report, context)
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = picture.height, picture.width
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    pixels = picture.tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
