"""Grayscale Softcopy Presentation State: the boxes as graphics over the images, the greys as the model saw them.

A presentation state takes the place of the image's own modality and VOI transforms (PS3.4 N.2), so both are repeated.
One state has one modality transform: images with another one than the first are left to the other objects, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from dicom_nodes.objects import wording
from dicom_nodes.objects.body_part import body_part
from dicom_nodes.objects.context import EncodingContext, Reference, picture_key
from dicom_nodes.objects.evidence import Referred, hierarchy, images_of
from dicom_nodes.objects.header import composite, part10
from dicom_nodes.objects.items import outline
from dicom_nodes.objects.picture import Mark, marks, present
from dicom_nodes.objects.text import long_string, short_text
from service.domain.report import Evidence, Report, first_line
from service.ports.pixels import Frame, Greys

ROLE = "presentation-state"
SOP_CLASS_UID = GrayscaleSoftcopyPresentationStateStorage
MAX_IMAGES = 32
"""Images of one state: each is decoded for its greys."""
_LAYER = "AI"


class Annotated(NamedTuple):
    """An image with boxes, and what was decoded of it."""

    image: Evidence
    frame: Frame
    greys: Greys


def applies(report: Report) -> bool:
    """Whether a finding has a place on an image."""
    return bool(_with_boxes(report))


def shows(report: Report) -> Sequence[Evidence]:
    """The images with boxes."""
    return _with_boxes(report)[:MAX_IMAGES]


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes.

    Raises ValueError where none of the images with boxes is grey and can be decoded.
    """
    images = _annotated(report, context)
    left_out = len(_with_boxes(report)) - len(images)
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="PR", kind="overlay")
    body_part(dataset, (each.image for each in images), context)
    _identification(dataset, report, context)
    _relationship(dataset, images, context)
    _greys(dataset, images)
    dataset.DisplayedAreaSelectionSequence = [_displayed_area(each) for each in images]
    dataset.GraphicLayerSequence = [_layer()]
    dataset.GraphicAnnotationSequence = [_annotation(report, each, left_out) for each in images]
    return part10(dataset, context)


def _with_boxes(report: Report) -> tuple[Evidence, ...]:
    images = images_of(present(report))
    return tuple(replace(image, region=None) for image in images if marks(report, image))


def _annotated(report: Report, context: EncodingContext) -> list[Annotated]:
    """Images of which the greys are known, with the modality transform of the first of them."""
    found = [
        Annotated(image, frame, frame.greys)
        for image in shows(report)
        if (frame := context.pictures.get(picture_key(image))) and frame.greys
    ]
    if not found:
        raise ValueError("none of the images with boxes is grey and can be decoded")
    return [each for each in found if _modality(each.greys) == _modality(found[0].greys)]


def _modality(greys: Greys) -> tuple[float, float, bool]:
    return greys.slope, greys.intercept, greys.inverted


def _identification(dataset: Dataset, report: Report, context: EncodingContext) -> None:
    """Presentation State Identification (PS3.3 C.11.10)."""
    dataset.PresentationCreationDate = context.created_at.strftime("%Y%m%d")
    dataset.PresentationCreationTime = context.created_at.strftime("%H%M%S")
    dataset.ContentLabel = "AI_DRAFT"
    dataset.ContentDescription = long_string(first_line(report))
    dataset.ContentCreatorName = ""


def _relationship(dataset: Dataset, images: Sequence[Annotated], context: EncodingContext) -> None:
    """Presentation State Relationship (PS3.3 C.11.11): the images by series; all of this study."""
    referred = Referred(context)
    references = [referred.to(each.image) for each in images]
    (study,) = hierarchy(Reference(r[0], r[1], r[2], context.study_instance_uid) for r in references)
    for series in study.ReferencedSeriesSequence:
        series.ReferencedImageSequence = [
            _reference([each.image for each in images if each.image.sop_instance_uid == uid])
            for uid in (item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence)
        ]
        del series.ReferencedSOPSequence
    dataset.ReferencedSeriesSequence = study.ReferencedSeriesSequence


def _reference(images: Sequence[Evidence]) -> Dataset:
    """One item of Referenced Image Sequence for all named frames of one image."""
    item = Dataset()
    item.ReferencedSOPClassUID = images[0].sop_class_uid
    item.ReferencedSOPInstanceUID = images[0].sop_instance_uid
    frames = [image.frame for image in images if image.frame]
    if frames:
        item.ReferencedFrameNumber = frames
    return item


def _greys(dataset: Dataset, images: Sequence[Annotated]) -> None:
    """Modality LUT (PS3.3 C.11.1), Softcopy VOI LUT (C.11.8), Softcopy Presentation LUT (C.11.6)."""
    first = images[0].greys
    dataset.RescaleIntercept = f"{first.intercept:.10g}"
    dataset.RescaleSlope = f"{first.slope:.10g}"
    dataset.RescaleType = "US"
    dataset.SoftcopyVOILUTSequence = [_window(each) for each in images]
    dataset.PresentationLUTShape = "INVERSE" if first.inverted else "IDENTITY"


def _window(annotated: Annotated) -> Dataset:
    item = Dataset()
    item.ReferencedImageSequence = [_reference([annotated.image])]
    item.WindowCenter = f"{annotated.greys.centre:.10g}"
    item.WindowWidth = f"{annotated.greys.width:.10g}"
    item.VOILUTFunction = annotated.greys.function
    return item


def _displayed_area(annotated: Annotated) -> Dataset:
    """The whole image, scaled to fit (PS3.3 C.10.4)."""
    rows, columns = annotated.frame.pixels.shape
    item = Dataset()
    item.ReferencedImageSequence = [_reference([annotated.image])]
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = [columns, rows]
    item.PresentationSizeMode = "SCALE TO FIT"
    if annotated.frame.spacing_mm:
        item.PresentationPixelSpacing = [f"{side:.10g}" for side in annotated.frame.spacing_mm]
    else:
        item.PresentationPixelAspectRatio = [1, 1]
    return item


def _layer() -> Dataset:
    item = Dataset()
    item.GraphicLayer = _LAYER
    item.GraphicLayerOrder = 1
    item.GraphicLayerDescription = "AI draft"
    return item


def _annotation(report: Report, annotated: Annotated, left_out: int) -> Dataset:
    """Graphic Annotation (PS3.3 C.10.5) of one image: the notice, and each box with its name."""
    found = marks(report, annotated.image)
    more = f" Boxes on {left_out} more images are in the report." if left_out else ""
    item = Dataset()
    item.ReferencedImageSequence = [_reference([annotated.image])]
    item.GraphicLayer = _LAYER
    item.TextObjectSequence = [_notice(first_line(report) + more), *(_label(mark) for mark in found)]
    item.GraphicObjectSequence = [_box(mark) for mark in found]
    return item


def _notice(words: str) -> Dataset:
    """A line along the upper edge of what is displayed."""
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "DISPLAY"
    item.UnformattedTextValue = short_text(words)
    item.BoundingBoxTopLeftHandCorner = [0.01, 0.01]
    item.BoundingBoxBottomRightHandCorner = [0.99, 0.07]
    item.BoundingBoxTextHorizontalJustification = "LEFT"
    return item


def _label(mark: Mark) -> Dataset:
    item = Dataset()
    item.AnchorPointAnnotationUnits = "PIXEL"
    item.UnformattedTextValue = short_text(f"{mark.number} {wording.named(mark.finding)}")
    item.AnchorPoint = [mark.region.left, mark.region.top]
    item.AnchorPointVisibility = "N"
    return item


def _box(mark: Mark) -> Dataset:
    item = Dataset()
    item.GraphicAnnotationUnits = "PIXEL"
    item.GraphicDimensions = 2
    item.GraphicData = outline(mark.region)
    item.NumberOfGraphicPoints = len(item.GraphicData) // 2
    item.GraphicType = "POLYLINE"
    item.GraphicFilled = "N"
    return item
