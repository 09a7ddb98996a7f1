"""The case that the objects bench writes: balls in a stack of CT slices, one finding each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from service.domain.study import Instance
from service.domain.uids import derive_uid

SIZE = 512
SPACING_MM, BETWEEN_MM = 0.7, 1.0
RADIUS = 9
"""Of a ball, in pixels and in slices."""
STUDY, SERIES, FRAME_OF_REFERENCE = (derive_uid("bench", name) for name in ("study", "series", "frame of reference"))


def ball(number: int, slices: int) -> tuple[int, int, int]:
    """Where ball `number` (from 1) has its middle: slice, row, column; no two touch."""
    across, down = number % 8, number // 8
    return RADIUS + number * (slices - 2 * RADIUS) // 51, 30 + 60 * down, 30 + 60 * across


def labels(findings: int, slices: int) -> NDArray[np.uint8]:
    """The label map (slices, rows, columns)."""
    found = np.zeros((slices, SIZE, SIZE), np.uint8)
    reach = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    inside = (reach**2).sum(axis=0) <= RADIUS**2
    for number in range(1, findings + 1):
        box = tuple(slice(middle - RADIUS, middle + RADIUS + 1) for middle in ball(number, slices))
        found[box][inside] = number
    return found


def instances(slices: int) -> tuple[Instance, ...]:
    """The slices, feet first."""
    return tuple(
        Instance(
            sop_class_uid=CTImageStorage,
            sop_instance_uid=uid(number),
            series_instance_uid=SERIES,
            study_instance_uid=STUDY,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            attributes={
                "Modality": "CT", "BodyPartExamined": "CHEST", "FrameOfReferenceUID": FRAME_OF_REFERENCE,
                "ImagePositionPatient": f"-180\\-180\\{number * BETWEEN_MM}",
                "ImageOrientationPatient": "1\\0\\0\\0\\1\\0", "SliceThickness": str(BETWEEN_MM),
            },
        )
        for number in range(slices)
    )  # fmt: skip


def uid(number: int) -> UID:
    return derive_uid("bench", "slice", number)
