"""Segmentation, BINARY: the pixels of each finding that a model marked, over the slices it marked them on.

Written with pydicom and numpy alone. Frames lie where their source images say, one by one, so that a tilted gantry or
uneven slices come out right; frames without a marked pixel are left out. One object holds the masks of one series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext, Reference
from dicom_nodes.objects.evidence import hierarchy
from dicom_nodes.objects.header import composite, content_moment, part10
from dicom_nodes.objects.items import coded
from dicom_nodes.objects.picture import present
from dicom_nodes.objects.slices import Slices, slices_of
from dicom_nodes.objects.text import long_string, short_text
from service.domain.report import Evidence, Finding, Mask, Report, first_line
from service.domain.study import Instance
from service.domain.uids import derive_uid

ROLE = "segmentation"
SOP_CLASS_UID = SegmentationStorage


class Segment(NamedTuple):
    """A finding and the label of its pixels."""

    number: int
    finding: Finding
    label: int


class SegmentFrame(NamedTuple):
    """One frame: which segment on which slice, counted from 0."""

    segment: Segment
    slice: int


def applies(report: Report) -> bool:
    """Whether a finding has pixels."""
    return bool(_masked(report))


def shows(report: Report) -> Sequence[Evidence]:
    """The first slice, whose pixel spacing is that of all."""
    mask = _mask(report)
    wanted = [image for image in report.images if mask and image.sop_instance_uid == mask.images[0]]
    return wanted[:1]


def masks_of(report: Report) -> Sequence[str]:
    """The label maps that are asked for, by digest."""
    mask = _mask(report)
    return [mask.sha256] if mask else []


def encode(report: Report, context: EncodingContext) -> bytes:
    """Part 10 bytes of `report`; equal report and context, equal bytes.

    Raises ValueError for masks that are empty, that are not at hand, or whose slices do not say where they lie.
    """
    mask = _mask(report)
    assert mask is not None, "applies() has looked"
    slices = slices_of(mask, context)
    labels = _labels(mask, context)
    segments = _segments(report, mask)
    frames = _frames(labels, segments)
    dataset = composite(report, context, sop_class_uid=SOP_CLASS_UID, modality="SEG", kind="segments")
    content_moment(dataset, context)
    _image(dataset, report, labels, frames)
    dataset.SegmentSequence = [_segment(report, one) for one in segments]
    _references(dataset, slices, context)
    _dimensions(dataset, context, placed=slices.placed)
    dataset.SharedFunctionalGroupsSequence = [_shared(slices, context)]
    dataset.PerFrameFunctionalGroupsSequence = list(_per_frame(frames, slices))
    return part10(dataset, context)


def _masked(report: Report) -> list[Finding]:
    return [finding for finding in present(report) if finding.mask]


def _mask(report: Report) -> Mask | None:
    """The mask of the first finding that has one: the object is about its series."""
    return next((finding.mask for finding in _masked(report)), None)


def _labels(mask: Mask, context: EncodingContext) -> NDArray[np.uint8]:
    labels = context.masks.get(mask.sha256)
    if labels is None:
        raise ValueError("the label map is not at hand")
    if labels.shape != (len(mask.images), mask.rows, mask.columns):
        raise ValueError(f"the label map is {labels.shape}, its images say {len(mask.images)} slices")
    return labels


def _segments(report: Report, mask: Mask) -> list[Segment]:
    """Every finding on the same label map."""
    same = [(each, each.mask) for each in _masked(report) if each.mask and each.mask.sha256 == mask.sha256]
    return [Segment(number, each, its.label) for number, (each, its) in enumerate(same, 1)]


def _frames(labels: NDArray[np.uint8], segments: Sequence[Segment]) -> list[SegmentFrame]:
    """The frames with a marked pixel, by segment and slice. Raises ValueError for a segment without one."""
    counts = [np.bincount(plane.ravel(), minlength=256) for plane in labels]
    frames = [SegmentFrame(one, at) for one in segments for at in range(len(labels)) if counts[at][one.label]]
    shown = {frame.segment.number for frame in frames}
    empty = [_called(one.finding) for one in segments if one.number not in shown]
    if empty:
        raise ValueError(f"no pixel is marked as {empty[0]}")
    return frames


def _image(dataset: Dataset, report: Report, labels: NDArray[np.uint8], frames: Sequence[SegmentFrame]) -> None:
    """Segmentation Image (PS3.3 C.8.20.2)."""
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ContentLabel = "AI_DRAFT"
    dataset.ContentDescription = long_string(first_line(report))
    dataset.ContentCreatorName = ""
    dataset.SegmentationType = "BINARY"
    dataset.LossyImageCompression = "00"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.NumberOfFrames = len(frames)
    dataset.Rows, dataset.Columns = labels.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    packed = _packed(labels, frames)
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)


def _packed(labels: NDArray[np.uint8], frames: Sequence[SegmentFrame]) -> bytes:
    """One bit a pixel, from frame to frame without a gap (PS3.5 8.1.1); frames of whole bytes one by one."""
    planes = ((labels[frame.slice] == frame.segment.label).ravel() for frame in frames)
    if labels[0].size % 8:
        return np.packbits(np.concatenate(list(planes)), bitorder="little").tobytes()
    return b"".join(np.packbits(plane, bitorder="little").tobytes() for plane in planes)


def _segment(report: Report, segment: Segment) -> Dataset:
    """One item of Segment Sequence (PS3.3 C.8.20.4), with the notice: viewers show its description."""
    finding, maker = segment.finding, report.maker(segment.finding)
    item = Dataset()
    item.SegmentNumber = segment.number
    item.SegmentLabel = long_string(_called(finding))
    item.SegmentDescription = short_text(first_line(report))
    structure = finding.mask.structure if finding.mask else None
    category = concepts.ANATOMICAL_STRUCTURE if structure else concepts.ABNORMAL_STRUCTURE
    item.SegmentedPropertyCategoryCodeSequence = [coded(category)]
    item.SegmentedPropertyTypeCodeSequence = [coded(structure or finding.concept)]
    if finding.site and not structure:
        site = coded(finding.site)
        if finding.laterality:
            site.AnatomicRegionModifierSequence = [coded(finding.laterality)]
        item.AnatomicRegionSequence = [site]
    item.TrackingID = long_string(finding.tracking_id)
    item.TrackingUID = finding.tracking_uid
    item.SegmentAlgorithmType = "AUTOMATIC"
    item.SegmentAlgorithmName = long_string(maker.name if maker else "preread")
    if maker:
        named = Dataset()
        named.AlgorithmFamilyCodeSequence = [coded(concepts.ARTIFICIAL_INTELLIGENCE)]
        named.AlgorithmName = long_string(maker.name)
        named.AlgorithmVersion = long_string(maker.version)
        named.AlgorithmParameters = maker.files
        item.SegmentationAlgorithmIdentificationSequence = [named]
    return item


def _called(finding: Finding) -> str:
    """What a segment is called: the organ that was measured, or the finding with its place."""
    structure = finding.mask.structure if finding.mask else None
    return structure.meaning if structure else wording.named(finding)


def _references(dataset: Dataset, slices: Slices, context: EncodingContext) -> None:
    """Common Instance Reference (PS3.3 C.12.2) and Frame of Reference (C.7.4.1)."""
    (study,) = hierarchy(
        Reference(each.sop_class_uid, each.sop_instance_uid, each.series_instance_uid, context.study_instance_uid)
        for each in slices.images
    )
    for series in study.ReferencedSeriesSequence:
        series.ReferencedInstanceSequence = series.ReferencedSOPSequence
        del series.ReferencedSOPSequence
    dataset.ReferencedSeriesSequence = study.ReferencedSeriesSequence
    frame_of_reference = slices.images[0].attributes.get("FrameOfReferenceUID", "")
    if slices.placed and frame_of_reference:
        dataset.FrameOfReferenceUID = frame_of_reference
        dataset.PositionReferenceIndicator = ""
    if not slices.placed:
        dataset.PatientOrientation = ""


def _dimensions(dataset: Dataset, context: EncodingContext, *, placed: bool) -> None:
    """Multi-frame Dimension (PS3.3 C.7.6.17): segment, then place."""
    organization = Dataset()
    organization.DimensionOrganizationUID = derive_uid(context.sop_instance_uid, "dimensions")
    dataset.DimensionOrganizationSequence = [organization]
    pointers = [(0x0062000B, 0x0062000A)] + ([(0x00200032, 0x00209113)] if placed else [])
    dataset.DimensionIndexSequence = []
    for pointer, group in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = organization.DimensionOrganizationUID
        item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, group
        dataset.DimensionIndexSequence.append(item)


def _shared(slices: Slices, context: EncodingContext) -> Dataset:
    """What all frames have in common: spacing and directions, where the images lie in space."""
    shared = Dataset()
    first = slices.images[0]
    frame = context.pictures.get((first.sop_instance_uid, 1))
    if frame is not None and frame.spacing_mm:
        measures = Dataset()
        measures.PixelSpacing = [_decimal(side) for side in frame.spacing_mm]
        if slices.placed:
            measures.SliceThickness = _decimal(slices.thickness_mm)
        if slices.spacing_mm:
            measures.SpacingBetweenSlices = _decimal(slices.spacing_mm)
        shared.PixelMeasuresSequence = [measures]
    if slices.placed and first.orientation:
        orientation = Dataset()
        orientation.ImageOrientationPatient = [_decimal(part) for way in first.orientation for part in way]
        shared.PlaneOrientationSequence = [orientation]
    return shared


def _per_frame(frames: Sequence[SegmentFrame], slices: Slices) -> Iterator[Dataset]:
    """Functional groups of each frame: what it was derived from, whose it is, and where it lies."""
    ranks = slices.ranks
    for frame in frames:
        source, item, content, whose = slices.images[frame.slice], Dataset(), Dataset(), Dataset()
        item.DerivationImageSequence = [_derived(source)]
        content.DimensionIndexValues = [frame.segment.number, *([ranks[frame.slice]] if slices.placed else [])]
        item.FrameContentSequence = [content]
        if slices.placed and source.position_mm:
            position = Dataset()
            position.ImagePositionPatient = [_decimal(number) for number in source.position_mm]
            item.PlanePositionSequence = [position]
        whose.ReferencedSegmentNumber = frame.segment.number
        item.SegmentIdentificationSequence = [whose]
        yield item


def _derived(source: Instance) -> Dataset:
    item, image = Dataset(), Dataset()
    image.ReferencedSOPClassUID = source.sop_class_uid
    image.ReferencedSOPInstanceUID = source.sop_instance_uid
    image.PurposeOfReferenceCodeSequence = [coded(concepts.SOURCE_IMAGE)]
    image.SpatialLocationsPreserved = "YES"
    item.SourceImageSequence = [image]
    item.DerivationCodeSequence = [coded(concepts.SEGMENTATION)]
    return item


def _decimal(number: Any) -> str:
    """DS: at most 16 characters."""
    return f"{number:.10g}"
