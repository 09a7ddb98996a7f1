"""Key Object Selection by TID 2010: the images with findings, so that a viewer opens them first."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import Referred, hierarchy
from dicom_nodes.objects.header import composite, content_moment, part10, requests
from dicom_nodes.objects.items import CONTAINS, container, image, text
from dicom_nodes.objects.observer import observer_context
from dicom_nodes.objects.picture import findings_on, images_with_findings
from service.domain.report import Evidence, Report, first_line

ROLE = "key-objects"
SOP_CLASS_UID = KeyObjectSelectionDocumentStorage


def applies(report: Report) -> bool:
    """Whether an image shows a finding: a selection of nothing is not a document."""
    return bool(images_with_findings(report))


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes."""
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="KO", kind="key images")
    dataset.ReferencedPerformedProcedureStepSequence = []
    content_moment(dataset, context)
    if context.identity.requests:
        dataset.ReferencedRequestSequence = requests(context)
    images = images_with_findings(report)
    referred = Referred(context)
    dataset.CurrentRequestedProcedureEvidenceSequence = hierarchy(referred.to(image) for image in images)
    dataset.update(_selection(report, images, context))
    return part10(dataset, context)


def _selection(report: Report, images: tuple[Evidence, ...], context: EncodingContext) -> Dataset:
    """TID 2010. The notice stands in the description: the document has no flag that says who has read it."""
    return container(
        None,
        concepts.OF_INTEREST,
        [
            *observer_context(report.algorithms, context),
            text(CONTAINS, concepts.KEY_OBJECT_DESCRIPTION, _description(report, images)),
            *(image(CONTAINS, None, each) for each in images),
        ],
        template="2010",
    )


def _description(report: Report, images: tuple[Evidence, ...]) -> str:
    """The notice, then what is seen on which of the images."""
    lines = [first_line(report)]
    for number, each in enumerate(images, 1):
        seen = ", ".join(dict.fromkeys(wording.named(finding) for _, finding in findings_on(report, each)))
        lines.append(f"Image {number}: {seen}.")
    return "\n".join(lines)
