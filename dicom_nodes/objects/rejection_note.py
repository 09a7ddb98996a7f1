"""Rejection note: a Key Object Selection that withdraws our own results (IHE RAD TF-2 4.66; TID 2010, CID 7010)."""

from __future__ import annotations

from importlib.metadata import version as installed_version

from pydicom.dataset import Dataset
from pydicom.uid import UID, KeyObjectSelectionDocumentStorage

from dicom_nodes.objects import concepts
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import hierarchy
from dicom_nodes.objects.header import composite, content_moment, part10, requests
from dicom_nodes.objects.items import CONTAINS, composite_object, container, text
from dicom_nodes.objects.observer import observer_context
from service.domain.sop import has_pixels
from service.ports.notes import Rejected
from service.settings import Site

SERIES_NUMBER = 9090
"""Below those of results: a note is not one of them."""


class RejectionNotes:
    """`service.ports.notes.Notes`."""

    SOP_CLASS_UID = KeyObjectSelectionDocumentStorage

    def __init__(self, site: Site, device_uid: UID) -> None:
        self._site = site
        self._device_uid = device_uid

    def write(self, rejected: Rejected) -> bytes:
        context = self._context(rejected)
        dataset = composite(
            rejected.report, context, sop_class_uid=self.SOP_CLASS_UID, modality="KO", kind="rejection note"
        )
        dataset.ReferencedPerformedProcedureStepSequence = []
        content_moment(dataset, context)
        if context.identity.requests:
            dataset.ReferencedRequestSequence = requests(context)
        study = rejected.study_instance_uid
        dataset.CurrentRequestedProcedureEvidenceSequence = hierarchy((*one, study) for one in rejected.instances)
        dataset.update(_selection(rejected, context))
        return part10(dataset, context)

    def _context(self, rejected: Rejected) -> EncodingContext:
        return EncodingContext(
            identity=rejected.identity,
            study_instance_uid=rejected.study_instance_uid,
            series_instance_uid=rejected.series_instance_uid,
            sop_instance_uid=rejected.sop_instance_uid,
            series_number=SERIES_NUMBER,
            instance_number=1,
            created_at=rejected.created_at,
            institution=self._site.institution,
            device_serial_number=self._site.device_serial,
            device_uid=self._device_uid,
            software_version=installed_version("preread"),
        )


def _selection(rejected: Rejected, context: EncodingContext) -> Dataset:
    count = len(rejected.instances)
    objects = "1 object" if count == 1 else f"{count} objects"
    return container(
        None,
        rejected.reason.value,
        [
            *observer_context(rejected.report.algorithms, context),
            text(CONTAINS, concepts.KEY_OBJECT_DESCRIPTION, f"AI draft withdrawn: {objects} must not be used."),
            *(composite_object(CONTAINS, *one[:2], pixels=has_pixels(one.sop_class_uid)) for one in rejected.instances),
        ],
        template="2010",
    )
