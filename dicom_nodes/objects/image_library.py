"""Image library of a TID 1500 document (TID 1600): the images that its groups refer to."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicom_nodes.objects import concepts
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import images_of, known_instances
from dicom_nodes.objects.items import CONTAINS, HAS_ACQ_CONTEXT, code, container, image
from service.domain.report import Evidence, Report
from service.domain.study import Instance


def image_library(report: Report, context: EncodingContext) -> list[Dataset]:
    """TID 1600 with the images that a group refers to, and no others: it costs more than all the rest."""
    images = {evidence.sop_instance_uid: evidence for evidence in images_of(report.findings)}
    if not images:
        return []
    known = known_instances(context)
    entries = [_library_entry(evidence, known.get(uid)) for uid, evidence in images.items()]
    return [container(CONTAINS, concepts.IMAGE_LIBRARY, [container(CONTAINS, concepts.IMAGE_LIBRARY_GROUP, entries)])]


def _library_entry(evidence: Evidence, instance: Instance | None) -> Dataset:
    """TID 1601 with the modality of TID 1602, where the header gave one that CID 29 knows."""
    modality = concepts.MODALITIES.get(instance.modality) if instance else None
    described = [code(HAS_ACQ_CONTEXT, concepts.MODALITY, modality)] if modality else []
    whole = Evidence(
        sop_class_uid=evidence.sop_class_uid,
        sop_instance_uid=evidence.sop_instance_uid,
        series_instance_uid=evidence.series_instance_uid,
    )
    return image(CONTAINS, None, whole, described)
