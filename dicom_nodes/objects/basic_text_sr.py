"""Basic Text SR in the shape of TID 2000: the document that every workstation shows."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import cited, images_of, not_found
from dicom_nodes.objects.header import document
from dicom_nodes.objects.items import CONTAINS, HAS_CONCEPT_MOD, INFERRED_FROM, code, container, image, text
from dicom_nodes.objects.observer import observer_context
from service.domain.code import Code
from service.domain.report import Finding, Report, Section, first_line

ROLE = "basic-text-sr"
SOP_CLASS_UID = BasicTextSRStorage

_SECTIONS = {
    Section.FINDINGS: (concepts.FINDINGS, concepts.FINDING),
    Section.CONCLUSIONS: (concepts.CONCLUSIONS, concepts.CONCLUSION),
}


def applies(report: Report) -> bool:
    """Always: a study that matched and was not read says so."""
    return True


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes."""
    root = container(
        None,
        concepts.DIAGNOSTIC_IMAGING_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            *observer_context(report.algorithms, context),
            *_sections(report, context),
        ],
        template="2000",
    )
    return document(report, context, sop_class_uid=SOP_CLASS_UID, kind="text", root=root)


def _sections(report: Report, context: EncodingContext) -> list[Dataset]:
    """Headings of CID 7001, each with its TID 2002 narrative; the notice first, with what a reader must know of the
    reading; nothing else if nothing was read."""
    notes = [text(CONTAINS, concepts.SUMMARY, wording.note(each)) for each in report.notes]
    notice = _heading(concepts.SUMMARY, [text(CONTAINS, concepts.SUMMARY, first_line(report)), *notes])
    if report.outcome.unread:
        return [notice]
    told = {section: _sentences(report, section) for section in Section}
    told[Section.FINDINGS] += _not_in_a_sentence(report)
    return [
        notice,
        *(_heading(_SECTIONS[section][0], items) for section, items in told.items() if items),
        _heading(concepts.PROCEDURE_DESCRIPTIONS, _procedure(report, context)),
    ]


def _heading(concept: Code, items: list[Dataset]) -> Dataset:
    return container(CONTAINS, concept, items)


def _sentences(report: Report, section: Section) -> list[Dataset]:
    element = _SECTIONS[section][1]
    return [
        _inferred(element, sentence.text, cited(report, sentence.findings))
        for sentence in report.sentences
        if sentence.section is section
    ]


def _not_in_a_sentence(report: Report) -> list[Dataset]:
    """What the model found but did not say, and what it looked for and did not find."""
    said = {tracking_id for sentence in report.sentences for tracking_id in sentence.findings}
    absent = not_found(report)
    items = [
        _inferred(concepts.FINDING, wording.unsaid(finding), (finding,))
        for finding in report.findings
        if finding.present and finding.tracking_id not in said
    ]
    return [*items, *([_inferred(concepts.FINDING, wording.looked_for(absent), absent)] if absent else [])]


def _inferred(element: Code, words: str, findings: tuple[Finding, ...]) -> Dataset:
    """TEXT of TID 2002 with the images it is INFERRED FROM (TID 2001, purposes of CID 7003)."""
    shown = any(finding.present for finding in findings)
    purpose = concepts.BEST_ILLUSTRATION if shown else concepts.SOURCE_OF_MEASUREMENT
    return text(CONTAINS, element, words, [image(INFERRED_FROM, purpose, each) for each in images_of(findings)])


def _procedure(report: Report, context: EncodingContext) -> list[Dataset]:
    """What was looked at, by what, and what it replaces."""
    words = (
        wording.images_read(report, context),
        wording.read_by(report.algorithms, context),
        wording.replaced(context),
    )
    return [text(CONTAINS, concepts.PROCEDURE_DESCRIPTION, each) for each in words if each]
