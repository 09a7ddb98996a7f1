"""Encapsulated PDF: the reading as a page, for workstations that show no structured report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from dicom_nodes.objects import concepts
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import hierarchy
from dicom_nodes.objects.header import composite, content_moment, part10
from dicom_nodes.objects.items import coded
from dicom_nodes.objects.page import page
from dicom_nodes.objects.picture import key_images
from dicom_nodes.objects.text import short_text
from service.domain.report import Evidence, Report, first_line

ROLE = "encapsulated-pdf"
SOP_CLASS_UID = EncapsulatedPDFStorage


def applies(report: Report) -> bool:
    """Always: a study that matched and was not read says so."""
    return True


def shows(report: Report) -> Sequence[Evidence]:
    """The key images."""
    return key_images(report)


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes."""
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="DOC", kind="page")
    dataset.ConversionType = "WSD"
    _encapsulated_document(dataset, report, context, page(report, context))
    return part10(dataset, context)


def _encapsulated_document(dataset: Dataset, report: Report, context: EncodingContext, pdf: bytes) -> None:
    """Encapsulated Document (PS3.3 C.24.2)."""
    content_moment(dataset, context)
    dataset.AcquisitionDateTime = ""
    dataset.BurnedInAnnotation = "YES"
    dataset.SourceInstanceSequence = list(_sources(report))
    if not dataset.SourceInstanceSequence:
        del dataset.SourceInstanceSequence
    dataset.DocumentTitle = short_text(first_line(report))
    dataset.ConceptNameCodeSequence = [coded(concepts.DIAGNOSTIC_IMAGING_REPORT)]
    dataset.VerificationFlag = "UNVERIFIED"
    if context.predecessors:
        dataset.PredecessorDocumentsSequence = hierarchy(context.predecessors)
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)


def _sources(report: Report) -> Iterator[Dataset]:
    """Items of Source Instance Sequence (0042,0013): each image that was read, once."""
    for uid, image in {image.sop_instance_uid: image for image in report.images}.items():
        item = Dataset()
        item.ReferencedSOPClassUID = image.sop_class_uid
        item.ReferencedSOPInstanceUID = uid
        yield item
