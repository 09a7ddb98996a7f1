"""What the encoder is taught to see before the decoder reads it: one slot per finding and side. NumPy only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from findings import DEPTHS, POSITIONS, SEVERITIES, SIDES, SIZES, ZONES, Finding
from numpy.typing import NDArray
from tasks import BINS

NAMES = (
    "cardiomegaly",
    "mediastinal widening",
    *(f"{side} {name}" for name in ("pleural effusion", "pneumothorax", "consolidation", "nodule", "rib fracture",
                                    "central venous line") for side in SIDES),
    "endotracheal tube",
    "emphysema",
)  # fmt: skip
"""A finding without a side where others have one (lateral views) takes the slot of the right."""
NUMBERS = (
    *((slot, end) for slot in range(len(NAMES)) for end in range(4)),
    *((slot, 4) for slot, name in enumerate(NAMES) if name.endswith(("nodule", "tube"))),
)
"""Each number that a slot may be told in: 0 to 3 are x0, y0, x1, y1 of its box, 4 is its millimetres."""
VIEWS = ("frontal", "lateral", "ct")
PLACES = (*ZONES, *DEPTHS, *POSITIONS)
MM = 60.0
"""Scale of millimetres."""
NOTHING = -100
"""A class that counts for no loss."""


@dataclass(frozen=True)
class Targets:
    """What the slots of n pictures shall say."""

    present: NDArray[np.float32]
    """(n, slots) of 0 and 1."""
    box: NDArray[np.float32]
    """(n, slots, 4): x0, y0, x1, y1 as shares of the square, the last two the far edges; zeros without a box."""
    severity: NDArray[np.int64]
    """(n, slots): 0 mild or small, 1 moderate, 2 severe or large, or NOTHING."""
    place: NDArray[np.int64]
    """(n, slots): index of PLACES, or NOTHING."""
    mm: NDArray[np.float32]
    """(n, slots) in units of MM; 0 without."""
    view: NDArray[np.int64]
    """(n,): index of VIEWS."""


def slot_of(finding: Finding) -> int:
    """Return the finding's slot."""
    return NAMES.index(finding.place if finding.place in NAMES else f"right {finding.name}")


def targets(pictures: Sequence[tuple[str, Iterable[Finding]]]) -> Targets:
    """Return the targets of pictures given by view and findings."""
    shape = len(pictures), len(NAMES)
    made = Targets(
        present=np.zeros(shape, np.float32),
        box=np.zeros((*shape, 4), np.float32),
        severity=np.full(shape, NOTHING),
        place=np.full(shape, NOTHING),
        mm=np.zeros(shape, np.float32),
        view=np.array([VIEWS.index(view) for view, _ in pictures]),
    )
    for row, (_, findings) in enumerate(pictures):
        for finding in findings:
            _fill(made, (row, slot_of(finding)), finding)
    return made


def _fill(made: Targets, at: tuple[int, int], finding: Finding) -> None:
    made.present[at] = 1
    if finding.box:
        x0, y0, x1, y1 = finding.box
        made.box[at] = np.array([x0, y0, x1 + 1, y1 + 1], np.float32) / BINS
    if finding.severity:
        words = SEVERITIES if finding.severity in SEVERITIES else SIZES
        # "moderate" stands in both lists at the same place.
        made.severity[at] = words.index(finding.severity)
    if place := finding.position or finding.zone:
        made.place[at] = PLACES.index(place)
    if finding.mm:
        made.mm[at] = finding.mm / MM
