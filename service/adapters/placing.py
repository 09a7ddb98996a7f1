"""Where a frame lies in the patient, as its header says it (PS3.3 C.7.6.2). Runs in the bounded child."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset

from service.adapters.presentation import number, spacing_mm

UNIT_LENGTH = 0.01
"""By how much a direction may differ from length 1: headers round."""


def plane(attributes: Dataset) -> dict[str, Any]:
    """The arguments of `service.domain.geometry.Plane`, None for what is missing or no number."""
    directions = _numbers(attributes, "ImageOrientationPatient", 6)
    along, down = (directions[:3], directions[3:]) if directions else (None, None)
    if along and down and not (_is_unit(along) and _is_unit(down)):
        along = down = None
    return {
        "position_mm": _numbers(attributes, "ImagePositionPatient", 3),
        "row_direction": along,
        "column_direction": down,
        "spacing_mm": spacing_mm(attributes),
        "thickness_mm": number(attributes, "SliceThickness"),
    }


def _numbers(attributes: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    value = attributes.get(keyword)
    if value is None or isinstance(value, str) or len(value) != count:
        return None
    found = tuple(float(part) for part in value)
    return found if all(math.isfinite(part) for part in found) else None


def _is_unit(direction: tuple[float, ...]) -> bool:
    return abs(math.hypot(*direction) - 1) < UNIT_LENGTH
