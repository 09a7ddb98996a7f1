"""Comprehensive 3D SR with root TID 1500: coded findings in TID 1501 groups, for viewers and for machines.

One kind of measurement group in a document: validators take 1410, 1411 and 1501 side by side for errors.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import images_of
from dicom_nodes.objects.header import document
from dicom_nodes.objects.image_library import image_library
from dicom_nodes.objects.items import (
    CONTAINS,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    code,
    container,
    image,
    number,
    region,
    text,
    uid_reference,
)
from dicom_nodes.objects.observer import algorithm_identification, observer_context
from service.domain.code import ABSENT, CERTAINTY, PERCENT, PRESENCE, PRESENT, SEVERITY, UNPAIRED
from service.domain.report import Finding, Measurement, Report, first_line

ROLE = "tid1500"
SOP_CLASS_UID = Comprehensive3DSRStorage


def applies(report: Report) -> bool:
    """Whether there is a coded finding: TID 1500 without a group says nothing."""
    return not report.outcome.unread and bool(report.findings)


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
            *(text(CONTAINS, concepts.COMMENT, wording.note(each)) for each in report.notes),
            *image_library(report, context),
            container(CONTAINS, concepts.IMAGING_MEASUREMENTS, [_group(report, each) for each in report.findings]),
        ],
        template="1500",
    )
    return document(report, context, sop_class_uid=SOP_CLASS_UID, kind="findings", root=root)


def _group(report: Report, finding: Finding) -> Dataset:
    """TID 1501: one finding, present or absent, with all that is known of it."""
    maker = report.maker(finding)
    items = [
        text(HAS_OBS_CONTEXT, concepts.TRACKING_IDENTIFIER, finding.tracking_id),
        uid_reference(HAS_OBS_CONTEXT, concepts.TRACKING_UID, finding.tracking_uid),
        code(CONTAINS, concepts.FINDING, finding.concept),
        *_site(finding),
        *(algorithm_identification(maker) if maker else []),
        *_measurements(finding),
        *_evaluations(finding),
        *_images(finding),
    ]
    return container(CONTAINS, concepts.MEASUREMENT_GROUP, items, template="1501")


def _site(finding: Finding) -> list[Dataset]:
    """Rows 6 to 8 of TID 1501; a side that is not the site's is an evaluation of its own."""
    if finding.site is None:
        return []
    modified = [(concepts.TOPOGRAPHICAL_MODIFIER, finding.topography)]
    if _sided(finding):
        modified.insert(0, (concepts.LATERALITY, finding.laterality))
    modifiers = [code(HAS_CONCEPT_MOD, concept, value) for concept, value in modified if value]
    return [code(HAS_CONCEPT_MOD, concepts.FINDING_SITE, finding.site, modifiers)]


def _sided(finding: Finding) -> bool:
    """Whether the side is one of the site."""
    return finding.site is not None and finding.site not in UNPAIRED


def _measurements(finding: Finding) -> list[Dataset]:
    """TID 300: sizes in their UCUM unit, and in percent how certain it is what the group states."""
    items = [_measured(each) for each in finding.measurements]
    if finding.probability is not None:
        items.append(number(CONTAINS, CERTAINTY, wording.certainty(finding.probability, finding.present), PERCENT))
    return items


def _measured(measurement: Measurement) -> Dataset:
    """TID 300 row 4: what the number was derived by, where it is not a single one."""
    derivation = measurement.derivation
    modifiers = [code(HAS_CONCEPT_MOD, concepts.DERIVATION, derivation)] if derivation else []
    return number(CONTAINS, measurement.concept, measurement.value, measurement.unit, modifiers)


def _evaluations(finding: Finding) -> list[Dataset]:
    """Qualitative evaluations: presence (absent findings, too), severity."""
    items = [code(CONTAINS, PRESENCE, PRESENT if finding.present else ABSENT)]
    if finding.severity:
        items.append(code(CONTAINS, SEVERITY, finding.severity))
    if finding.laterality and not _sided(finding):
        items.append(code(CONTAINS, concepts.LATERALITY, finding.laterality))
    return items


def _images(finding: Finding) -> list[Dataset]:
    """Rows 10b to 10d of TID 1501: the source images, and the region in each that has one.

    A region called (111030, DCM, "Image Region") would make it TID 1410.
    """
    sources = [image(CONTAINS, concepts.SOURCE_OF_MEASUREMENT, each) for each in images_of((finding,))]
    regions = [
        region(CONTAINS, concepts.SOURCE_OF_MEASUREMENT, each.region, each) for each in finding.evidence if each.region
    ]
    return [*sources, *regions]
