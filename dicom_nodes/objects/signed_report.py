"""A signed report as a Basic Text SR in the shape of TID 2000: VERIFIED, by the named person who signed it.

No plug-in, on purpose: no rule, destination or setting can name it.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import cited, images_of
from dicom_nodes.objects.header import part10
from dicom_nodes.objects.items import CONTAINS, HAS_CONCEPT_MOD, INFERRED_FROM, code, container, image, text
from dicom_nodes.objects.verified import added, summary, verified, who_observed
from service.domain.code import Code
from service.domain.report import Report, Section
from service.domain.review import Signed, Statement

SOP_CLASS_UID = BasicTextSRStorage
_SECTIONS = {
    Section.FINDINGS: (concepts.FINDINGS, concepts.FINDING),
    Section.CONCLUSIONS: (concepts.CONCLUSIONS, concepts.CONCLUSION),
}


def encode(signed: Signed, report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes; equal arguments, equal bytes. `report` is the draft: whose findings the lines rest on."""
    dataset = verified(signed, report, context, sop_class_uid=SOP_CLASS_UID, kind="text")
    dataset.update(_tree(signed, report, context))
    return part10(dataset, context)


def _tree(signed: Signed, report: Report, context: EncodingContext) -> Dataset:
    return container(
        None,
        concepts.DIAGNOSTIC_IMAGING_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            *who_observed(signed.signature.observer),
            summary(signed),
            *_sections(signed.signature.statements, report),
            *added(signed),
            _heading(concepts.PROCEDURE_DESCRIPTIONS, _procedure(report, context)),
        ],
        template="2000",
    )


def _sections(statements: tuple[Statement, ...], report: Report) -> list[Dataset]:
    told = {section: [_told(each, report) for each in statements if each.section is section] for section in Section}
    return [_heading(_SECTIONS[section][0], items) for section, items in told.items() if items]


def _told(statement: Statement, report: Report) -> Dataset:
    """TEXT of TID 2002, with the images of the findings that the line still rests on; none for a person's own."""
    findings = cited(report, statement.findings)
    shown = any(finding.present for finding in findings)
    purpose = concepts.BEST_ILLUSTRATION if shown else concepts.SOURCE_OF_MEASUREMENT
    images = [image(INFERRED_FROM, purpose, each) for each in images_of(findings)]
    return text(CONTAINS, _SECTIONS[statement.section][1], statement.text, images)


def _heading(concept: Code, items: list[Dataset]) -> Dataset:
    return container(CONTAINS, concept, items)


def _procedure(report: Report, context: EncodingContext) -> list[Dataset]:
    """What was looked at, what drafted the text, and what it replaces."""
    words = (
        wording.images_read(report, context),
        f"Draft: {wording.read_by(report.algorithms, context)}",
        wording.succeeded(context),
    )
    return [text(CONTAINS, concepts.PROCEDURE_DESCRIPTION, each) for each in words if each]
