"""A signed report as a Basic Text SR in the shape of TID 2000: VERIFIED, by the named person who signed it.

No plug-in, on purpose: no rule, destination or setting can name it, and nothing here makes a signature. Whoever encodes
has one from the ledger (invariant 8).
"""

from __future__ import annotations

from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects import text as dicom_text
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import cited, images_of
from dicom_nodes.objects.header import composite, document_general, part10
from dicom_nodes.objects.items import (
    CONTAINS,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    INFERRED_FROM,
    code,
    container,
    image,
    person,
    text,
)
from service.domain.code import Code
from service.domain.report import Report, Section
from service.domain.review import Review, Signed, Statement, signed_by

SOP_CLASS_UID = BasicTextSRStorage
SERIES_DESCRIPTION = "Report signed (text)"
_SECTIONS = {
    Section.FINDINGS: (concepts.FINDINGS, concepts.FINDING),
    Section.CONCLUSIONS: (concepts.CONCLUSIONS, concepts.CONCLUSION),
}


def encode(signed: Signed, report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes; equal arguments, equal bytes. `report` is the draft: whose findings the lines rest on."""
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="SR", kind="text")
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.ReferencedPerformedProcedureStepSequence = []
    document_general(dataset, report, context)
    _verify(dataset, signed)
    dataset.update(_tree(signed, report, context))
    return part10(dataset, context)


def _verify(dataset: Dataset, signed: Signed) -> None:
    """SR Document General (PS3.3 C.17.2): complete, final, and verified by everybody who signed a part of it."""
    dataset.CompletionFlag = "COMPLETE"
    if "CompletionFlagDescription" in dataset:
        del dataset.CompletionFlagDescription
    dataset.VerificationFlag = "VERIFIED"
    dataset.PreliminaryFlag = "FINAL"
    dataset.VerifyingObserverSequence = [_observer(each) for each in (signed.signature, *signed.addenda)]


def _observer(review: Review) -> Dataset:
    item = Dataset()
    item.VerifyingObserverName = dicom_text.person_name(review.observer.name)
    item.VerifyingObserverIdentificationCodeSequence = []
    item.VerifyingOrganization = dicom_text.long_string(review.observer.organization)
    item.VerificationDateTime = _moment(review.at)
    return item


def _moment(at: datetime) -> str:
    """DT with its offset (PS3.5 6.2)."""
    return f"{at:%Y%m%d%H%M%S}{dicom_text.zone_offset(at)}"


def _tree(signed: Signed, report: Report, context: EncodingContext) -> Dataset:
    observer = signed.signature.observer
    return container(
        None,
        concepts.DIAGNOSTIC_IMAGING_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            code(HAS_OBS_CONTEXT, concepts.OBSERVER_TYPE, concepts.PERSON),
            person(HAS_OBS_CONTEXT, concepts.PERSON_OBSERVER_NAME, observer.name),
            text(HAS_OBS_CONTEXT, concepts.PERSON_OBSERVER_ORGANIZATION, observer.organization),
            _heading(concepts.SUMMARY, [text(CONTAINS, concepts.SUMMARY, signed.first_line)]),
            *_sections(signed.signature.statements, report),
            *([_heading(concepts.ADDENDUM, list(map(_addendum, signed.addenda)))] if signed.addenda else []),
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


def _addendum(review: Review) -> Dataset:
    return text(CONTAINS, concepts.ADDENDUM, f"Addendum by {signed_by(review)}:\n{review.text}")


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
