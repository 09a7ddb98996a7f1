"""Key object selections, coordinates for OHIF, and the Secondary Capture."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import highdicom
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_nodes.objects import coordinates_sr, key_objects, secondary_capture
from dicom_nodes.objects.panel import LINES
from service.domain import code
from service.domain.report import Region, Report, first_line
from tests.support.reports import (
    NODULE,
    a_context,
    a_finding,
    a_normal_report,
    a_report,
    an_image,
    an_unread_report,
)

BOX = Region(left=10, top=20, right=30, bottom=50)


def selection(report: Report) -> Dataset:
    return dcmread(BytesIO(key_objects.encode(report, a_context())))


def test_a_key_object_selection_names_each_image_with_a_finding_once() -> None:
    found = (a_finding("a", code.NODULE, evidence=(an_image(2),)), a_finding("b", code.NODULE, evidence=(an_image(2),)))
    dataset = selection(a_report(findings=found, sentences=()))
    images = [item for item in dataset.ContentSequence if item.ValueType == "IMAGE"]
    assert [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in images] == [an_image(2).sop_instance_uid]
    assert all("ConceptNameCodeSequence" not in item for item in images)
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [an_image(2).sop_instance_uid]


def test_its_description_begins_with_the_notice_and_says_what_is_seen() -> None:
    (words,) = [
        item.TextValue
        for item in selection(a_report()).ContentSequence
        if item.RelationshipType == "CONTAINS" and item.ValueType == "TEXT"
    ]
    assert words.splitlines() == [
        first_line(a_report()),
        "Image 1: Pleural effusion (left pleura), Nodule (right lung).",
    ]


def test_highdicom_reads_the_selection() -> None:
    read = highdicom.ko.KeyObjectSelectionDocument.from_dataset(selection(a_report()))
    assert read.content.get_references()


def test_nothing_is_selected_where_nothing_was_found() -> None:
    assert not key_objects.applies(a_normal_report())
    assert not key_objects.applies(an_unread_report())


def test_every_box_is_a_number_inferred_from_its_coordinates() -> None:
    evidence = (an_image(1, region=BOX), an_image(2, region=BOX))
    report = a_report(findings=(replace(NODULE, evidence=evidence),), sentences=())
    dataset = dcmread(BytesIO(coordinates_sr.encode(report, a_context())))
    groups = dataset.ContentSequence[-1].ContentSequence
    assert len(groups) == 2
    uids = [next(item.UID for item in group.ContentSequence if item.ValueType == "UIDREF") for group in groups]
    assert uids[0] == NODULE.tracking_uid
    assert len(set(uids)) == 2
    for group in groups:
        assert group.ContentSequence[0].TextValue == coordinates_sr.RECTANGLE
        (area,) = [item for item in group.ContentSequence if item.ValueType == "NUM"]
        assert float(area.MeasuredValueSequence[0].NumericValue) == 600
        (coordinates,) = area.ContentSequence
        assert list(coordinates.GraphicData) == [10, 20, 30, 20, 30, 50, 10, 50, 10, 20]


def capture(report: Report, **changes: object) -> Dataset:
    return dcmread(BytesIO(secondary_capture.encode(report, a_context(**changes))))


def test_the_notice_and_the_box_are_burned_in() -> None:
    dataset = capture(a_report())
    pixels = dataset.pixel_array
    assert dataset.BurnedInAnnotation == "YES"
    assert tuple(pixels[2, 2]) == (138, 28, 28)
    yellow = np.argwhere((pixels == (255, 212, 0)).all(axis=2))
    image_top = int(np.argwhere((pixels[:, 40] == (255, 255, 255)).all(axis=1)).min())
    box = NODULE.evidence[0].region
    assert box is not None
    rows = yellow[:, 0] - image_top
    assert abs(rows[(yellow[:, 1] > 24 + box.left + 20) & (yellow[:, 1] < 24 + box.right - 2)].min() - box.top) <= 1


def test_a_capture_of_what_was_not_analysed_says_so_and_shows_no_image() -> None:
    dataset = capture(an_unread_report())
    assert dataset.ImageComments.startswith("NOT ANALYSED BY AI")
    assert "SourceImageSequence" not in dataset
    assert dataset.Rows < 300


def test_a_picture_that_cannot_be_decoded_leaves_a_capture_of_words() -> None:
    assert capture(a_report(), pictures={}).Rows > 300


def test_many_findings_fit_into_a_capture_of_bounded_height() -> None:
    many = tuple(a_finding(f"n{n}", code.NODULE) for n in range(5000))
    assert capture(a_report(findings=many, sentences=())).Rows < 2000 + LINES * 36
