"""What a detector says, as boxes: format, threshold, suppression of what overlaps. NumPy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.image_form import BoxForm

Boxes = NDArray[np.float32]


def edges(boxes: NDArray[Any], form: BoxForm, rows: int, columns: int) -> Boxes:
    """Return `boxes` (n, 4) as the graph writes them as left, top, right, bottom in pixels of its input."""
    found = np.asarray(boxes, np.float32).reshape(-1, 4)
    if form.format == "cxcywh":
        centre, half = found[:, :2], found[:, 2:] / 2
        found = np.concatenate([centre - half, centre + half], axis=1)
    return found * np.array([columns, rows] * 2, np.float32) if form.normalised else found


def strongest(boxes: Boxes, scores: NDArray[Any], labels: NDArray[Any], form: BoxForm) -> NDArray[np.intp]:
    """Return which boxes stay, the most probable first: of those of one class that overlap, one; at most max_boxes."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if labels[other] == labels[index]]
        if all(overlap(boxes[index], boxes[other]) <= form.nms_iou for other in rivals):
            kept.append(int(index))
            if len(kept) == form.max_boxes:
                break
    return np.array(kept, np.intp)


def overlap(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the area that two boxes share over the area that they cover, 0..1."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    covered = _area(one) + _area(other) - shared
    return shared / covered if covered > 0 else 0.0


def _area(box: NDArray[Any]) -> float:
    return float(np.prod(np.maximum(box[2:] - box[:2], 0)))
