"""Comprehensive SR with every box as NUM from SCOORD (TID 1500, 300, 320): what OHIF opens as annotations to edit.

Its groups carry the tracking UIDs of the `tid1500` document, which says the rest of each finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID, ComprehensiveSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.header import document
from dicom_nodes.objects.image_library import image_library
from dicom_nodes.objects.items import (
    CONTAINS,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    INFERRED_FROM,
    code,
    container,
    number,
    region,
    text,
    uid_reference,
)
from dicom_nodes.objects.observer import algorithm_identification, observer_context
from dicom_nodes.objects.picture import present
from service.domain.code import Code
from service.domain.report import Evidence, Finding, Region, Report, first_line
from service.domain.uids import derive_uid

ROLE = "coordinates-sr"
SOP_CLASS_UID = ComprehensiveSRStorage
PIXELS = Code("{pixels}", "UCUM", "pixels")
"""An annotation of UCUM: a count of things that have no unit."""
RECTANGLE = "Cornerstone3DTools@^0.1.0:RectangleROI"
"""Tracking identifier by which OHIF (cornerstone3D's adapters) knows which of its tools draws the group."""


def applies(report: Report) -> bool:
    """Whether a finding has a place on an image."""
    return any(evidence.region for finding in present(report) for evidence in finding.evidence)


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes."""
    root = container(
        None,
        concepts.IMAGING_MEASUREMENT_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            *observer_context(report.algorithms, context),
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            text(CONTAINS, concepts.COMMENT, first_line(report)),
            *image_library(report, context),
            container(CONTAINS, concepts.IMAGING_MEASUREMENTS, list(_groups(report))),
        ],
        template="1500",
    )
    return document(report, context, sop_class_uid=SOP_CLASS_UID, kind="boxes", root=root)


def _groups(report: Report) -> Iterator[Dataset]:
    for finding in present(report):
        placed = [evidence for evidence in finding.evidence if evidence.region]
        for place, evidence in enumerate(placed):
            yield _group(report, finding, evidence, place)


def _group(report: Report, finding: Finding, evidence: Evidence, place: int) -> Dataset:
    """TID 1501 with the one number that a box has without calibration: its area in pixels."""
    assert evidence.region is not None
    maker = report.maker(finding)
    box = region(INFERRED_FROM, concepts.SOURCE_OF_MEASUREMENT, evidence.region, evidence)
    items = [
        text(HAS_OBS_CONTEXT, concepts.TRACKING_IDENTIFIER, RECTANGLE),
        uid_reference(HAS_OBS_CONTEXT, concepts.TRACKING_UID, _tracking_uid(finding, place)),
        code(CONTAINS, concepts.FINDING, finding.concept),
        *(algorithm_identification(maker) if maker else []),
        number(CONTAINS, concepts.AREA, _area(evidence.region), PIXELS, [box]),
    ]
    return container(CONTAINS, concepts.MEASUREMENT_GROUP, items, template="1501")


def _tracking_uid(finding: Finding, place: int) -> UID:
    """The finding's own; a further box of the same finding is another thing to edit, so it has its own."""
    return derive_uid(finding.tracking_uid, place) if place else finding.tracking_uid


def _area(box: Region) -> float:
    return (box.right - box.left) * (box.bottom - box.top)
