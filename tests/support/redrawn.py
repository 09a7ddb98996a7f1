"""Segmentations as workstations write them: every type, other orders and geometries, by highdicom and by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import highdicom
import numpy as np
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as Coded
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from tests.support.instances import instance, part10, uid

ROWS, COLUMNS, SLICES = 9, 7, 4
"""63 pixels a frame: frames of one bit a pixel do not begin at whole bytes."""
SPACING = (0.5, 0.75)
Voxels = NDArray[np.uint8]


def slices(study: UID, name: str) -> list[Dataset]:
    """A stack of axial slices, 2 mm apart."""
    return [
        instance(
            f"{name} {number}", SOPClassUID=CTImageStorage, StudyInstanceUID=study,
            SeriesInstanceUID=uid(name, "series"), SeriesNumber=1,
            FrameOfReferenceUID=uid(name, "frame of reference"), InstanceNumber=number + 1,
            Rows=ROWS, Columns=COLUMNS, PixelData=bytes(ROWS * COLUMNS * 2), PixelSpacing=list(SPACING),
            SliceThickness=2, ImageOrientationPatient=[1, 0, 0, 0, 1, 0], ImagePositionPatient=[-10, -20, 2 * number],
            StudyID="1", PositionReferenceIndicator="", BodyPartExamined="CHEST",
        )
        for number in range(SLICES)
    ]  # fmt: skip


def voxels() -> Voxels:
    """One segment over the two middle slices: 3 x 3 pixels on each."""
    found = np.zeros((SLICES, ROWS, COLUMNS), np.uint8)
    found[1:3, 2:5, 1:4] = 1
    return found


def by_highdicom(
    images: Sequence[Dataset],
    drawn: Mapping[str, Voxels],
    kind: str = "BINARY",
    *,
    syntax: UID = ExplicitVRLittleEndian,
    tracking: Mapping[str, UID] | None = None,
    automatic: bool = False,
    **how: Any,
) -> Dataset:
    """A segmentation of `images` with a segment for each name; overlapping ones, too, if not a label map."""
    by = SegmentAlgorithmTypeValues.AUTOMATIC if automatic else SegmentAlgorithmTypeValues.MANUAL
    descriptions = [
        SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=Coded("49755003", "SCT", "Morphologically Abnormal Structure"),
            segmented_property_type=Coded("60046008", "SCT", "Pleural effusion"),
            algorithm_type=by,
            tracking_uid=(tracking or {}).get(name),
            tracking_id=name if name in (tracking or {}) else None,
            algorithm_identification=highdicom.AlgorithmIdentificationSequence(
                name="a", version="1", family=Coded("123110", "DCM", "Artificial Intelligence")
            )
            if automatic
            else None,
        )
        for number, name in enumerate(drawn, 1)
    ]
    stacked = np.stack(list(drawn.values()), axis=-1).astype(bool)
    pixels: Any = stacked if kind != "LABELMAP" else _labels(stacked)
    if kind == "FRACTIONAL":
        pixels = stacked.astype(np.float32) * 0.8
    made = Segmentation(
        source_images=list(images),
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues(kind),
        segment_descriptions=descriptions,
        series_instance_uid=uid("redrawn series", str(images[0].StudyInstanceUID)),
        series_number=900,
        sop_instance_uid=uid("redrawn", str(images[0].StudyInstanceUID), kind),
        instance_number=1,
        manufacturer="Other",
        manufacturer_model_name="Workstation",
        software_versions="1",
        device_serial_number="1",
        content_creator_name=None if automatic else "Weiss^Anna",
        **how,
    )
    if syntax == ExplicitVRLittleEndian:
        return made
    # Not by highdicom: the encoder that it would choose (GDCM) ends the process on frames as small as these.
    packed = dcmread(file_of(made))
    packed.compress(syntax, encoding_plugin="pydicom")
    return packed


def _labels(stacked: NDArray[np.bool_]) -> Voxels:
    found = np.zeros(stacked.shape[:3], np.uint8)
    for number in range(stacked.shape[3]):
        found[stacked[..., number]] = number + 1
    return found


def by_hand(part: bytes, change: Any = None, *, name: str = "by hand") -> Dataset:
    """A segmentation of ours, opened by another tool, redrawn by `change` and stored anew under its own description."""
    dataset = dcmread(BytesIO(part))
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = uid(name, "object"), uid(name, "series")
    dataset.Manufacturer, dataset.ManufacturerModelName = "Other", "Slicer"
    dataset.ContentCreatorName = "Weiss^Anna"
    if "DeviceUID" in dataset:
        del dataset.DeviceUID
    if "ContributingEquipmentSequence" in dataset:
        del dataset.ContributingEquipmentSequence
    for segment in dataset.SegmentSequence:
        segment.SegmentAlgorithmType = "SEMIAUTOMATIC"
    if change:
        change(dataset)
    return dataset


def frames(dataset: Dataset) -> list[Voxels]:
    """The frames of a segmentation of one bit a pixel."""
    size = dataset.Rows * dataset.Columns
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    return [bits[at * size : (at + 1) * size].reshape(dataset.Rows, dataset.Columns)
            for at in range(int(dataset.NumberOfFrames))]  # fmt: skip


def with_frames(dataset: Dataset, pictures: Sequence[Voxels]) -> None:
    """Write the frames anew, of whatever size they are."""
    dataset.Rows, dataset.Columns = pictures[0].shape
    packed = np.packbits(np.concatenate([one.ravel() for one in pictures]), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset.NumberOfFrames = len(pictures)


def file_of(dataset: Dataset) -> BytesIO:
    syntax = dataset.file_meta.TransferSyntaxUID if hasattr(dataset, "file_meta") else ExplicitVRLittleEndian
    return BytesIO(part10(dataset, syntax))
