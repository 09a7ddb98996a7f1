"""Verified: what a person's signature makes of a document. Nothing here makes a signature.

Whoever encodes has one from the ledger (invariant 8).
"""

from __future__ import annotations

from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_nodes.objects import concepts
from dicom_nodes.objects import text as dicom_text
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.header import composite, document_general
from dicom_nodes.objects.items import CONTAINS, HAS_OBS_CONTEXT, code, container, person, text
from service.domain.report import Report
from service.domain.review import Observer, Review, Signed, signed_by


def verified(signed: Signed, report: Report, context: EncodingContext, *, sop_class_uid: UID, kind: str) -> Dataset:
    """A structured report without its tree: complete, final, and verified by everybody who signed a part of it (PS3.3
    C.17.2). `kind` tells a viewer's user which of the signed series this is."""
    dataset = composite(report, context, sop_class_uid=sop_class_uid, modality="SR", kind=kind)
    dataset.SeriesDescription = f"Report signed ({kind})"
    dataset.ReferencedPerformedProcedureStepSequence = []
    document_general(dataset, report, context)
    dataset.CompletionFlag = "COMPLETE"
    if "CompletionFlagDescription" in dataset:
        del dataset.CompletionFlagDescription
    dataset.VerificationFlag = "VERIFIED"
    dataset.PreliminaryFlag = "FINAL"
    dataset.VerifyingObserverSequence = [_observer(each) for each in (signed.signature, *signed.addenda)]
    return dataset


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


def who_observed(observer: Observer) -> list[Dataset]:
    """TID 1001 with TID 1003: the person who signed."""
    return [
        code(HAS_OBS_CONTEXT, concepts.OBSERVER_TYPE, concepts.PERSON),
        person(HAS_OBS_CONTEXT, concepts.PERSON_OBSERVER_NAME, observer.name),
        text(HAS_OBS_CONTEXT, concepts.PERSON_OBSERVER_ORGANIZATION, observer.organization),
    ]


def summary(signed: Signed) -> Dataset:
    """What a person reads first."""
    return container(CONTAINS, concepts.SUMMARY, [text(CONTAINS, concepts.SUMMARY, signed.first_line)])


def added(signed: Signed) -> list[Dataset]:
    """One heading with all that was added since; none where nothing was."""
    told = [
        text(CONTAINS, concepts.ADDENDUM, f"Addendum by {signed_by(each)}:\n{each.text}") for each in signed.addenda
    ]
    return [container(CONTAINS, concepts.ADDENDUM, told)] if told else []
