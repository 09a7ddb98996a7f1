"""The gate: every object that is written passes, and each way in which one could be broken is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_nodes.objects import Encoder, encoders
from dicom_nodes.objects.structure import complaints
from service.domain.report import Report
from service.domain.study import Identity
from tests.support.reports import (
    A_PREDECESSOR,
    a_context,
    a_normal_report,
    a_partial_report,
    a_report,
    an_unread_report,
    two_algorithms_report,
)

REPORTS = {
    "findings": a_report(),
    "normal": a_normal_report(),
    "partial": a_partial_report(),
    "not analysed": an_unread_report(algorithms=(), images=()),
    "two algorithms": two_algorithms_report(),
}
CASES = [
    pytest.param(encoder, report, id=f"{role}, {name}")
    for role, encoder in encoders().items()
    for name, report in REPORTS.items()
    if encoder.applies(report)
]


@pytest.mark.parametrize(("encoder", "report_"), CASES)
def test_what_is_written_here_passes(encoder: Encoder, report_: Report) -> None:
    assert complaints(encoder.encode(report_, a_context())) == ()
    assert complaints(encoder.encode(report_, a_context(identity=Identity(), predecessors=(A_PREDECESSOR,)))) == ()


def changed(role: str, change: Callable[[Dataset], object]) -> tuple[str, ...]:
    """What the gate says of an object after `change`."""
    dataset = dcmread(BytesIO(encoders()[role].encode(a_report(), a_context())))
    change(dataset)
    buffer = BytesIO()
    dataset.save_as(buffer)
    return complaints(buffer.getvalue())


def every(dataset: Dataset, value_type: str) -> list[Dataset]:
    found = []
    for item in dataset.get("ContentSequence", ()):
        found += [item] if item.ValueType == value_type else []
        found += every(item, value_type)
    return found


def concept(dataset: Dataset, meaning: str) -> Dataset:
    named = [i for kind in ("CONTAINER", "TEXT", "CODE", "NUM", "UIDREF") for i in every(dataset, kind)]
    return next(i for i in named if i.ConceptNameCodeSequence[0].CodeMeaning == meaning)


def drop(keyword: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


def put(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, keyword, value)


BROKEN: list[tuple[str, Callable[[Dataset], object], str]] = [
    ("tid1500", drop("PatientName"), "PatientName is missing"),
    ("tid1500", drop("StudyInstanceUID"), "StudyInstanceUID is missing or has no value"),
    ("tid1500", put("SeriesNumber", None), "SeriesNumber is missing or has no value"),
    ("tid1500", put("VerificationFlag", "VERIFIED"), "VerificationFlag is VERIFIED, which nobody here may write"),
    ("tid1500", put("PreliminaryFlag", "FINAL"), "PreliminaryFlag is FINAL, which nobody here may write"),
    ("tid1500", put("SeriesInstanceUID", "1.02.3"), "SeriesInstanceUID holds no UID: '1.02.3'"),
    ("tid1500", put("SOPInstanceUID", "1.2.3"), "file meta and dataset name different instances"),
    ("tid1500", put("SeriesDescription", "x" * 65), "SeriesDescription is longer than the 64 characters of LO"),
    ("tid1500", drop("CurrentRequestedProcedureEvidenceSequence"), "is referred to and not listed as evidence"),
    ("tid1500", lambda d: setattr(concept(d, "Comment"), "TextValue", "Normal."), "does not say that no radiologist"),
    ("tid1500", lambda d: setattr(concept(d, "Comment"), "TextValue", " "), "a TEXT says nothing"),
    ("tid1500", lambda d: concept(d, "Finding").pop("ConceptCodeSequence"), "is not one whole code"),
    ("tid1500", lambda d: concept(d, "Finding").pop("ConceptNameCodeSequence"), "a CODE has no concept name"),
    ("tid1500", lambda d: concept(d, "Diameter").pop("MeasuredValueSequence"), "a NUM has no measured value"),
    (
        "tid1500",
        lambda d: concept(d, "Diameter").MeasuredValueSequence[0].pop("MeasurementUnitsCodeSequence"),
        "MeasurementUnitsCodeSequence of a NUM is not one whole code",
    ),
    ("tid1500", lambda d: concept(d, "Tracking Unique Identifier").pop("UID"), "a UIDREF names no UID"),
    (
        "tid1500",
        lambda d: setattr(concept(d, "Tracking Unique Identifier"), "UID", every(d, "UIDREF")[-1].UID),
        "not every measurement group has one tracking UID of its own",
    ),
    (
        "tid1500",
        lambda d: setattr(concept(d, "Measurement Group").ContentTemplateSequence[0], "TemplateIdentifier", "1410"),
        "measurement groups of several templates stand in one document",
    ),
    (
        "tid1500",
        lambda d: setattr(d.ContentTemplateSequence[0], "TemplateIdentifier", "2000"),
        "the root names template 2000, its title asks for 1500",
    ),
    (
        "tid1500",
        lambda d: setattr(every(d, "SCOORD")[0], "GraphicData", [1, 1, 2, 1, 2, 2]),
        "the outline of a region is not closed",
    ),
    (
        "tid1500",
        lambda d: setattr(every(d, "SCOORD")[0], "GraphicData", [1, 1, math.nan, 1, 1, 1]),
        "an SCOORD has no pairs of finite coordinates",
    ),
    ("tid1500", lambda d: every(d, "SCOORD")[0].pop("ContentSequence"), "an SCOORD names no image"),
    ("tid1500", lambda d: every(d, "IMAGE")[0].pop("ReferencedSOPSequence"), "a IMAGE does not name one instance"),
    (
        "basic-text-sr",
        lambda d: setattr(concept(d, "Finding"), "RelationshipType", "INFERRED FROM"),
        "CONTAINER INFERRED FROM TEXT is not allowed in this class",
    ),
    (
        "key-objects",
        lambda d: setattr(every(d, "IMAGE")[0], "RelationshipType", "SELECTED FROM"),
        "CONTAINER SELECTED FROM IMAGE is not allowed in this class",
    ),
    ("secondary-capture", put("Rows", 7), "the image says"),
    ("secondary-capture", drop("BitsStored"), "BitsStored is missing or has no value"),
    ("encapsulated-pdf", put("EncapsulatedDocument", b"<html>"), "the encapsulated document is no PDF"),
    ("encapsulated-pdf", put("MIMETypeOfEncapsulatedDocument", "text/html"), "is not called a PDF"),
    ("presentation-state", drop("ReferencedSeriesSequence"), "to which the state does not refer"),
    (
        "presentation-state",
        lambda d: setattr(d.GraphicAnnotationSequence[0].GraphicObjectSequence[0], "NumberOfGraphicPoints", 4),
        "a graphic has another number of points than it says",
    ),
]


@pytest.mark.parametrize(("role", "change", "said"), BROKEN, ids=[f"{role}: {said}" for role, _, said in BROKEN])
def test_a_broken_object_is_refused_with_the_reason(role: str, change: Callable[[Dataset], object], said: str) -> None:
    assert any(said in complaint for complaint in changed(role, change))


def test_what_cannot_be_read_back_is_refused() -> None:
    (complaint,) = complaints(b"not DICOM")
    assert complaint.startswith("it cannot be read back")
