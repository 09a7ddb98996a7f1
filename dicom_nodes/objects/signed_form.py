"""A filled form of a signed report as a Comprehensive SR: what `filled_form` writes, VERIFIED by who signed the report.

No plug-in, as `signed_report` is none: no rule can name it. Which forms stand in a signature says the ledger.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.filled_form import TEMPLATE, sections
from dicom_nodes.objects.header import part10
from dicom_nodes.objects.items import HAS_CONCEPT_MOD, code, container, text
from dicom_nodes.objects.verified import added, summary, verified, who_observed
from service.domain.report import Report
from service.domain.review import Signed
from service.domain.submitted import Submitted

SOP_CLASS_UID = ComprehensiveSRStorage


def encode(form: Submitted, signed: Signed, report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes; equal arguments, equal bytes; `filled_form.decode` reads them. `report` is the draft that filled
    it first."""
    dataset = verified(signed, report, context, sop_class_uid=SOP_CLASS_UID, kind="form")
    dataset.update(_tree(form, signed, report, context))
    return part10(dataset, context)


def _tree(form: Submitted, signed: Signed, report: Report, context: EncodingContext) -> Dataset:
    return container(
        None,
        concepts.DIAGNOSTIC_IMAGING_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            text(HAS_CONCEPT_MOD, TEMPLATE, form.name),
            *who_observed(signed.signature.observer),
            summary(signed),
            *sections(form.filled, form.told),
            *added(signed),
        ],
        template="2000",
    )
