"""Content items of a structured report, one function per value type (PS3.3 C.17.3).

Written with pydicom alone: highdicom's templates take four to ten times as long, read attributes that real
images lack, and take the time of day from the clock. highdicom reads what is written here in the tests.
"""

from __future__ import annotations

import math
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_nodes.objects.text import long_string, paragraph, short_string
from service.domain.code import Code
from service.domain.report import Evidence, Region

NO_TEXT = "(no text)"
"""Stands where nothing printable is left: Text Value must not be empty."""


class Relationship(StrEnum):
    """How an item relates to the one above it (PS3.3 C.17.3.2.4)."""

    CONTAINS = "CONTAINS"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    INFERRED_FROM = "INFERRED FROM"
    SELECTED_FROM = "SELECTED FROM"


CONTAINS = Relationship.CONTAINS
HAS_ACQ_CONTEXT = Relationship.HAS_ACQ_CONTEXT
HAS_CONCEPT_MOD = Relationship.HAS_CONCEPT_MOD
HAS_OBS_CONTEXT = Relationship.HAS_OBS_CONTEXT
INFERRED_FROM = Relationship.INFERRED_FROM
SELECTED_FROM = Relationship.SELECTED_FROM


def coded(code: Code) -> Dataset:
    """One item of a code sequence (PS3.3 8.8); a value of more than 16 characters is a Long Code Value."""
    item = Dataset()
    if len(code.value) > 16:
        item.LongCodeValue = code.value
    else:
        item.CodeValue = code.value
    item.CodingSchemeDesignator = short_string(code.scheme)
    item.CodeMeaning = long_string(code.meaning)
    return item


def container(relation: Relationship | None, concept: Code, children: list[Dataset], *, template: str = "") -> Dataset:
    """CONTAINER; `template` is its TID, `relation` None for the root of a document."""
    item = _item(relation, "CONTAINER", concept, children)
    item.ContinuityOfContent = "SEPARATE"
    if template:
        mapping = Dataset()
        mapping.MappingResource = "DCMR"
        mapping.TemplateIdentifier = template
        item.ContentTemplateSequence = [mapping]
    return item


def text(relation: Relationship, concept: Code, value: str, children: list[Dataset] | None = None) -> Dataset:
    """TEXT."""
    item = _item(relation, "TEXT", concept, children)
    item.TextValue = paragraph(value) or NO_TEXT
    return item


def code(relation: Relationship, concept: Code, value: Code, children: list[Dataset] | None = None) -> Dataset:
    """CODE."""
    item = _item(relation, "CODE", concept, children)
    item.ConceptCodeSequence = [coded(value)]
    return item


def number(
    relation: Relationship, concept: Code, value: float, unit: Code, children: list[Dataset] | None = None
) -> Dataset:
    """NUM, written with the same digits as Measurement.text, so that narrative and item cannot differ.

    Raises ValueError for a value that is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{concept.meaning} is {value}: no number that a report can state")
    measured = Dataset()
    measured.NumericValue = f"{value:g}"
    measured.MeasurementUnitsCodeSequence = [coded(unit)]
    item = _item(relation, "NUM", concept, children)
    item.MeasuredValueSequence = [measured]
    return item


def uid_reference(relation: Relationship, concept: Code, value: UID) -> Dataset:
    """UIDREF."""
    item = _item(relation, "UIDREF", concept)
    item.UID = value
    return item


def image(
    relation: Relationship, concept: Code | None, evidence: Evidence, children: list[Dataset] | None = None
) -> Dataset:
    """IMAGE, with the frame where the evidence names one."""
    item = _item(relation, "IMAGE", concept, children)
    reference = Dataset()
    reference.ReferencedSOPClassUID = evidence.sop_class_uid
    reference.ReferencedSOPInstanceUID = evidence.sop_instance_uid
    if evidence.frame is not None:
        reference.ReferencedFrameNumber = evidence.frame
    item.ReferencedSOPSequence = [reference]
    return item


def composite_object(relation: Relationship, sop_class_uid: UID, sop_instance_uid: UID, *, pixels: bool) -> Dataset:
    """IMAGE for an object that has pixels, COMPOSITE for any other, without a concept of its own."""
    item = _item(relation, "IMAGE" if pixels else "COMPOSITE", None)
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class_uid
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    item.ReferencedSOPSequence = [reference]
    return item


def region(relation: Relationship, concept: Code, box: Region, evidence: Evidence) -> Dataset:
    """SCOORD: `box` as a closed polyline in pixels of the image it is SELECTED FROM (PS3.3 C.18.6)."""
    item = _item(relation, "SCOORD", concept, [image(SELECTED_FROM, None, evidence)])
    item.GraphicType = "POLYLINE"
    item.GraphicData = outline(box)
    return item


def outline(box: Region) -> list[float]:
    """Column, row of each corner from the upper left one clockwise; the first again closes the outline."""
    return [
        box.left, box.top, box.right, box.top, box.right, box.bottom, box.left, box.bottom, box.left, box.top,
    ]  # fmt: skip


def _item(
    relation: Relationship | None, value_type: str, concept: Code | None, children: list[Dataset] | None = None
) -> Dataset:
    item = Dataset()
    if relation is not None:
        item.RelationshipType = str(relation)
    item.ValueType = value_type
    if concept is not None:
        item.ConceptNameCodeSequence = [coded(concept)]
    if children:
        item.ContentSequence = children
    return item
