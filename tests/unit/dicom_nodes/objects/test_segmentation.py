"""Segmentations: the same pixels on the same slices when another library (highdicom) reads them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.objects import segmentation
from dicom_nodes.objects.structure import complaints
from service.domain.report import Evidence, Finding, Mask, Report
from service.domain.study import Instance
from service.domain.uids import derive_uid
from service.ports.pixels import Frame
from tests.support.reports import (
    CHEST_MODEL,
    EFFUSION,
    NODULE,
    SERIES,
    STUDY,
    a_context,
    a_normal_report,
    a_report,
)

SIZE = (5, 7)
"""Rows and columns: 35 pixels, so that frames do not begin on whole bytes."""


def a_slice(number: int, *, position: tuple[float, float, float] | None, orientation: str = r"1\0\0\0\1\0") -> Instance:
    attributes = {"Modality": "CT", "BodyPartExamined": "CHEST", "FrameOfReferenceUID": derive_uid("test", "frame")}
    if position:
        place = "\\".join(f"{each:g}" for each in position)
        attributes |= {"ImagePositionPatient": place, "ImageOrientationPatient": orientation}
    return Instance(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=derive_uid("test", "slice", number),
        series_instance_uid=SERIES,
        study_instance_uid=STUDY,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes=attributes,
    )


UPWARD = tuple(a_slice(n, position=(0, n * 0.5, n * 2.5)) for n in range(4))
"""A sheared stack, as a tilted gantry makes it."""
RANDOM = np.random.default_rng(1).integers(0, 3, (4, *SIZE), dtype=np.uint8)


def finding(base: Finding, labels: NDArray[np.uint8], label: int, slices: tuple[Instance, ...]) -> Finding:
    mask = Mask(
        sha256=hashlib.sha256(labels.tobytes()).hexdigest(),
        label=label,
        rows=labels.shape[1],
        columns=labels.shape[2],
        images=tuple(UID(each.sop_instance_uid) for each in slices),
    )
    return replace(base, mask=mask, evidence=(Evidence.of(slices[0]),))


def encoded(labels: NDArray[np.uint8], slices: tuple[Instance, ...] = UPWARD) -> bytes:
    findings = (finding(EFFUSION, labels, 1, slices), finding(NODULE, labels, 2, slices))
    report = a_report(findings=findings, sentences=(), images=tuple(Evidence.of(each) for each in slices))
    frame = Frame(pixels=np.zeros(SIZE, np.uint16), frame=1, spacing_mm=(0.5, 0.75))
    context = a_context(
        instances=slices,
        masks={hashlib.sha256(labels.tobytes()).hexdigest(): labels},
        pictures={(slices[0].sop_instance_uid, 1): frame},
    )
    return segmentation.encode(report, context)


def read(part10: bytes) -> Dataset:
    return dcmread(BytesIO(part10))


def test_another_library_reads_the_same_pixels_on_the_same_slices() -> None:
    part10 = encoded(RANDOM)
    found = highdicom.seg.segread(BytesIO(part10))
    uids = [each.sop_instance_uid for each in UPWARD]
    pixels = found.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    for label in (1, 2):
        assert np.array_equal(pixels[..., label - 1], label == RANDOM)
    assert complaints(part10) == ()


def test_a_frame_lies_where_its_source_lies_and_is_indexed_by_its_place() -> None:
    backward = tuple(reversed(UPWARD))
    dataset = read(encoded(RANDOM[::-1].copy(), backward))
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        uid = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        source = next(each for each in UPWARD if each.sop_instance_uid == uid)
        assert tuple(frame.PlanePositionSequence[0].ImagePositionPatient) == source.position_mm
        assert frame.FrameContentSequence[0].DimensionIndexValues[1] == UPWARD.index(source) + 1
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [0.5, 0.75]
    assert measures.SpacingBetweenSlices == 2.5


def test_frames_without_a_marked_pixel_are_left_out() -> None:
    labels = np.zeros((4, *SIZE), np.uint8)
    labels[1, 0, 0], labels[2, 4, 6] = 1, 2
    dataset = read(encoded(labels))
    assert dataset.NumberOfFrames == 2
    groups = dataset.PerFrameFunctionalGroupsSequence
    assert [group.SegmentIdentificationSequence[0].ReferencedSegmentNumber for group in groups] == [1, 2]


def test_a_segment_names_its_finding_its_algorithm_and_that_no_radiologist_has_read_it() -> None:
    first, second = read(encoded(RANDOM)).SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("Pleural effusion (left pleura)", "Nodule (right lung)")
    assert first.SegmentDescription.startswith("AI DRAFT - not read by a radiologist.")
    assert (first.TrackingUID, first.SegmentAlgorithmType) == (EFFUSION.tracking_uid, "AUTOMATIC")
    (algorithm,) = first.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (CHEST_MODEL.name, CHEST_MODEL.version)


def test_a_projection_has_a_mask_without_a_place() -> None:
    flat = (a_slice(0, position=None),)
    dataset = read(encoded(RANDOM[:1], flat))
    assert "FrameOfReferenceUID" not in dataset
    assert "PlanePositionSequence" not in dataset.PerFrameFunctionalGroupsSequence[0]


TWICE = (*UPWARD[:3], replace(UPWARD[2], sop_instance_uid=derive_uid("test", "slice", 9)))
NOWHERE = (*UPWARD[:3], a_slice(3, position=None))
TURNED = (*UPWARD[:3], a_slice(3, position=(0, 1.5, 7.5), orientation=r"1\0\0\0\0\-1"))


@pytest.mark.parametrize(
    ("labels", "slices", "why"),
    [
        (RANDOM, NOWHERE, "make no stack: not every image states its position"),
        (RANDOM, TURNED, "make no stack: the images have several orientations"),
        (RANDOM, TWICE, "several slices under the mask lie in one place"),
        (np.ones((4, *SIZE), np.uint8), UPWARD, r"no pixel is marked as Nodule"),
        (RANDOM[:2], UPWARD, "its images say 4 slices"),
    ],
)
def test_a_mask_that_cannot_be_laid_on_its_images_is_refused(
    labels: NDArray[np.uint8], slices: tuple[Instance, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        encoded(labels, slices)


def test_a_mask_that_is_not_at_hand_is_refused() -> None:
    with pytest.raises(ValueError, match="the label map is not at hand"):
        segmentation.encode(a_report(), a_context(masks={}))


@pytest.mark.parametrize("report", [a_normal_report(), a_report(findings=(NODULE,), sentences=())])
def test_without_a_mask_there_is_nothing_to_segment(report: Report) -> None:
    assert not segmentation.applies(report)
