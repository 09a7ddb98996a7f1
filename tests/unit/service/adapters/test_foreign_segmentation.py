"""Segmentations of every type and geometry, laid over one of ours: the same voxels, or a stated reason."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from service.adapters.bounded import Reply
from service.adapters.foreign_segmentation import marks_of, segments_of
from service.adapters.part10_segmentation import grid_told, marks, segmentation
from service.domain.errors import PrereadError, Unreadable, Unsupported
from service.domain.segmented import Grid, Marks, Overlap, Segmentation, compared
from tests.support.instances import uid
from tests.support.redrawn import COLUMNS, ROWS, by_hand, by_highdicom, file_of, frames, slices, voxels, with_frames

STUDY = uid("redrawn study")
IMAGES = slices(STUDY, "redrawn")
TRACKED = UID("2.25.77")
VOXEL_ML = 0.5 * 0.75 * 2 / 1000


def made(dataset: Dataset, onto: Grid | None = None) -> tuple[Segmentation, Marks]:
    file = file_of(dataset)
    head, body = marks_of(file, grid_told(onto) if onto else None)
    file.seek(0)
    return segmentation(segments_of(file)), marks(Reply(head, bytearray(body)))


def ours() -> Dataset:
    return by_highdicom(IMAGES, {"effusion": voxels()}, tracking={"effusion": TRACKED}, automatic=True)


def over_ours(dataset: Dataset) -> tuple[Overlap, ...]:
    before, drawn = made(ours())
    after, redrawn = made(dataset, drawn.grid)
    return compared(before, drawn, after, redrawn)


def edited() -> Any:
    """One pixel less, two more, one of them on another slice."""
    changed = voxels()
    changed[1, 2, 1], changed[1, 5, 3], changed[3, 4, 4] = 0, 1, 1
    return changed


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("BINARY", {}),
        ("FRACTIONAL", {}),
        ("LABELMAP", {}),
        ("LABELMAP", {"syntax": RLELossless}),
        ("FRACTIONAL", {"syntax": RLELossless}),
        ("BINARY", {"omit_empty_frames": False}),
    ],
)
def test_of_every_type_the_voxels_are_compared(kind: str, how: dict[str, Any]) -> None:
    (found,) = over_ours(by_highdicom(IMAGES, {"effusion": edited()}, kind, **how))
    assert (found.pixels_before, found.pixels_after, found.added, found.removed) == (18, 19, 2, 1)
    assert found.dice == pytest.approx(2 * 17 / 37)


def test_a_volume_is_what_its_voxels_fill() -> None:
    _, drawn = made(ours())
    assert drawn.grid.voxel_ml == pytest.approx(VOXEL_ML)


def test_segments_that_overlap_each_have_their_own_voxels() -> None:
    wide = voxels()
    wide[1:3, 2:7, 1:6] = 1
    dataset = by_highdicom(IMAGES, {"all": wide, "effusion": voxels()})
    same, new = over_ours(dataset)
    assert (same.before, same.after and same.after.name, same.added, same.removed) == (
        made(ours())[0].segments[0], "effusion", 0, 0,
    )  # fmt: skip
    assert (new.before, new.after and new.after.name, new.pixels_after) == (None, "all", 50)


def test_a_segment_is_the_same_by_tracking_uid_whatever_it_is_called() -> None:
    dataset = by_highdicom(IMAGES, {"x": edited(), "effusion": np.roll(voxels(), 3, axis=2)}, tracking={"x": TRACKED})
    same, new = over_ours(dataset)
    assert (same.after and same.after.name, same.added, same.removed) == ("x", 2, 1)
    assert (new.before, new.after and new.after.name) == (None, "effusion")


def test_what_covers_nothing_of_ours_is_new_and_removes_nothing() -> None:
    (new,) = over_ours(by_highdicom(IMAGES, {"elsewhere": np.roll(voxels(), 3, axis=2)}))
    assert (new.before, new.pixels_after) == (None, 18)


# --- other geometries --------------------------------------------------------------------------------------


def reordered(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence = list(reversed(dataset.PerFrameFunctionalGroupsSequence))
    with_frames(dataset, list(reversed(frames(dataset))))


def without_sources(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence


def mirrored(dataset: Dataset) -> None:
    """Columns count down, as in a volume that another tool has turned round."""
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        x, y, z = place.ImagePositionPatient
        place.ImagePositionPatient = [float(x) + (COLUMNS - 1) * 0.75, y, z]
    with_frames(dataset, [np.ascontiguousarray(one[:, ::-1]) for one in frames(dataset)])


def transposed(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.75, 0.5]
    with_frames(dataset, [np.ascontiguousarray(one.T) for one in frames(dataset)])


def cropped(dataset: Dataset) -> None:
    """Without the first two rows and the first column."""
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        x, y, z = place.ImagePositionPatient
        place.ImagePositionPatient = [float(x) + 0.75, float(y) + 2 * 0.5, z]
    with_frames(dataset, [np.ascontiguousarray(one[2:, 1:]) for one in frames(dataset)])


def mirrored_without_sources(dataset: Dataset) -> None:
    mirrored(dataset)
    without_sources(dataset)


@pytest.mark.parametrize(
    "change", [reordered, without_sources, mirrored, transposed, cropped, mirrored_without_sources]
)
def test_frames_in_another_order_or_geometry_are_laid_over_ours(change: Callable[[Dataset], None]) -> None:
    dataset = by_hand(file_of(by_highdicom(IMAGES, {"effusion": edited()})).getvalue(), change)
    (found,) = over_ours(dataset)
    assert (found.added, found.removed) == (2, 1)


# --- what is refused, and why ------------------------------------------------------------------------------


def positions(dataset: Dataset, change: Callable[[list[float]], list[float]]) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        place.ImagePositionPatient = change([float(part) for part in place.ImagePositionPatient])


def beside(dataset: Dataset) -> None:
    positions(dataset, lambda at: [at[0] + 0.3, at[1], at[2]])


def lying(dataset: Dataset) -> None:
    positions(dataset, lambda at: [at[0], at[1], at[2] + 2])


def between(dataset: Dataset) -> None:
    without_sources(dataset)
    positions(dataset, lambda at: [at[0], at[1], at[2] + 1])


def outside(dataset: Dataset) -> None:
    positions(dataset, lambda at: [at[0] - 75, at[1], at[2]])


def tilted(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [
        0.8, 0.6, 0, -0.6, 0.8, 0,
    ]  # fmt: skip


def coarser(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1, 1.5]


def elsewhere(dataset: Dataset) -> None:
    dataset.FrameOfReferenceUID = "2.25.5"


def nowhere(dataset: Dataset) -> None:
    without_sources(dataset)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence


def shorter(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:4]


def huge(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 65_000


def many(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2_000_000


def undescribed(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 9


def of_nothing(dataset: Dataset) -> None:
    dataset.SegmentSequence[0].SegmentNumber = 7


def endless(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = ["1e308", "0", "0"]


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        (beside, Unsupported, "its pixels lie between ours"),
        (lying, Unsupported, "its frames lie elsewhere than the images that they name"),
        (between, Unsupported, "its slices lie between ours"),
        (outside, Unsupported, "it marks pixels outside of our images"),
        (tilted, Unsupported, "it lies at an angle to our images"),
        (coarser, Unsupported, "its pixels are of another size than ours"),
        (elsewhere, Unsupported, "it lies in another frame of reference than ours"),
        (nowhere, Unsupported, "its frames do not say where they lie"),
        (shorter, Unreadable, "The pixel data is shorter than rows x columns x frames say."),
        (huge, Unsupported, "are more than is read"),
        (many, Unsupported, "It has 2000000 frames; no more than 20000 are looked at."),
        (undescribed, Unreadable, "It has 9 frames and describes 2."),
        (of_nothing, Unreadable, "It marks pixels of segment 1, which it does not describe."),
        (endless, Unsupported, "outside of our images"),
    ],
)
def test_what_cannot_be_laid_over_ours_says_why(
    change: Callable[[Dataset], None], kind: type[PrereadError], why: str
) -> None:
    drawn = by_highdicom(IMAGES, {"effusion": voxels()})
    dataset = by_hand(file_of(drawn).getvalue(), change)
    with pytest.raises(kind, match=why):
        over_ours(dataset)


def test_what_it_says_beside_its_pixels() -> None:
    said, _ = made(by_highdicom(IMAGES, {"effusion": voxels()}, tracking={"effusion": TRACKED}))
    assert (said.person, said.by_person, said.studies) == ("Weiss^Anna", True, (STUDY,))
    assert said.references >= {UID(image.SOPInstanceUID) for image in IMAGES[1:3]}
    (segment,) = said.segments
    assert (segment.name, segment.kind, segment.tracking_uid) == ("effusion", "Pleural effusion", TRACKED)


def test_without_a_segment_it_is_none() -> None:
    dataset = dcmread(BytesIO(file_of(ours()).getvalue()))
    del dataset.SegmentSequence
    with pytest.raises(Unreadable, match="It describes no segment"):
        segments_of(file_of(dataset))
    assert (ROWS * COLUMNS) % 8  # or the frames of one bit a pixel would not be hard to find
