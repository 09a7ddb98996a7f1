"""Presentation states: each box over its image, on a layer of its own, and the notice above."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_nodes.objects import presentation_state
from dicom_nodes.objects.context import EncodingContext
from service.domain.report import Region, Report, first_line
from service.ports.pixels import Greys
from tests.support.reports import (
    NODULE,
    PICTURES,
    a_context,
    a_frame,
    a_normal_report,
    a_report,
    an_image,
    an_instance,
)

BOX = Region(left=10, top=20, right=30, bottom=50)


def state(report: Report | None = None, context: EncodingContext | None = None) -> Dataset:
    return dcmread(BytesIO(presentation_state.encode(report or a_report(), context or a_context())))


def on_both() -> Report:
    """A nodule with a box on each of two images."""
    evidence = (an_image(1, region=BOX), an_image(2, region=BOX))
    return a_report(findings=(replace(NODULE, evidence=evidence),), sentences=())


def test_a_box_is_a_closed_line_in_pixels_with_its_number_and_name() -> None:
    (annotation,) = state().GraphicAnnotationSequence
    (box,) = annotation.GraphicObjectSequence
    assert box.GraphicData == [100.5, 200, 140, 200, 140, 238.25, 100.5, 238.25, 100.5, 200]
    assert (box.GraphicAnnotationUnits, box.NumberOfGraphicPoints) == ("PIXEL", 5)
    notice, label = annotation.TextObjectSequence
    assert notice.UnformattedTextValue == first_line(a_report())
    assert label.UnformattedTextValue == "2 Nodule (right lung)"


def test_each_image_has_its_own_annotation_window_and_area() -> None:
    dataset = state(on_both())
    images = [an_image(1).sop_instance_uid, an_image(2).sop_instance_uid]
    for items in (
        dataset.GraphicAnnotationSequence,
        dataset.SoftcopyVOILUTSequence,
        dataset.DisplayedAreaSelectionSequence,
    ):
        assert [item.ReferencedImageSequence[0].ReferencedSOPInstanceUID for item in items] == images
    assert dataset.DisplayedAreaSelectionSequence[0].DisplayedAreaBottomRightHandCorner == [250, 300]
    (series,) = dataset.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedImageSequence] == images


def test_an_image_with_other_greys_is_left_out_and_counted() -> None:
    inverted = replace(a_frame(2), greys=Greys(centre=1, width=2, inverted=True))
    pictures = {**PICTURES, (inverted.source, 1): inverted}
    dataset = state(on_both(), a_context(pictures=pictures))
    (annotation,) = dataset.GraphicAnnotationSequence
    assert annotation.TextObjectSequence[0].UnformattedTextValue.endswith("Boxes on 1 more images are in the report.")
    assert dataset.PresentationLUTShape == "IDENTITY"


def test_an_inverted_image_stays_inverted() -> None:
    inverted = replace(a_frame(1), greys=Greys(centre=1, width=2, inverted=True))
    assert state(context=a_context(pictures={(inverted.source, 1): inverted})).PresentationLUTShape == "INVERSE"


def test_frames_of_one_image_are_named_by_number() -> None:
    evidence = tuple(an_image(1, frame=frame, region=BOX) for frame in (3, 7))
    report = a_report(findings=(replace(NODULE, evidence=evidence),), sentences=())
    pictures = {(an_image(1).sop_instance_uid, frame): a_frame(1) for frame in (3, 7)}
    (series,) = state(report, a_context(pictures=pictures)).ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence
    assert list(image.ReferencedFrameNumber) == [3, 7]


def test_without_a_box_there_is_nothing_to_draw() -> None:
    assert not presentation_state.applies(a_normal_report())


def test_a_picture_in_colour_or_one_that_cannot_be_decoded_is_refused_with_the_reason() -> None:
    colour = replace(a_frame(1), greys=None)
    for pictures in ({}, {(colour.source, 1): colour}):
        with pytest.raises(ValueError, match="none of the images with boxes is grey and can be decoded"):
            presentation_state.encode(a_report(), a_context(pictures=pictures))


@pytest.mark.parametrize(
    ("part", "side", "said"),
    [
        ("CHEST", "", ("CHEST", None)),
        ("CHEST", "L", ("CHEST", None)),
        ("FOOT", "R", ("FOOT", "R")),
        ("FOOT", "", ("FOOT", "")),
        ("EXTREMITY", "B", ("EXTREMITY", "")),
    ],
)
def test_a_paired_body_part_has_a_side_or_says_that_it_is_not_known(
    part: str, side: str, said: tuple[str, str | None]
) -> None:
    dataset = state(context=a_context(instances=(an_instance(1, BodyPartExamined=part, Laterality=side),)))
    assert (dataset.BodyPartExamined, dataset.get("Laterality")) == said


def test_where_the_body_part_is_not_known_the_side_is_said_to_be_not_known() -> None:
    unknown = state(context=a_context(instances=(an_instance(1, BodyPartExamined="Thorax, links"),)))
    assert "BodyPartExamined" not in unknown
    assert unknown.Laterality == ""
