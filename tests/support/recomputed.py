"""What our measures say of a series, computed apart: GDCM reads and decodes (through SimpleITK), numpy counts.

Nothing of the service is used here, and no constant of it either: what is compared must not have one source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

POSITION, ORIENTATION, THICKNESS = "0020|0032", "0020|0037", "0018|0050"
PIXEL_SPACING, IMAGER_SPACING = "0028|0030", "0018|1164"
BITS, SIGNED, SLOPE, INTERCEPT = "0028|0101", "0028|0103", "0028|1053", "0028|1052"
MODALITY, NUMBER = "0008|0060", "0020|0013"
NEEDED = {
    "CR": {"ViewPosition": "0018|5101", "BodyPartExamined": "0018|0015"},
    "CT": {"SliceThickness": THICKNESS},
    "MR": {"SliceThickness": THICKNESS},
}


@dataclass(frozen=True)
class Header:
    """The attributes of one file as GDCM reads them."""

    said: dict[str, str]

    def text(self, tag: str) -> str:
        return self.said.get(tag, "").strip()

    def numbers(self, tag: str) -> NDArray[np.float64]:
        return np.array([float(part) for part in self.text(tag).split("\\")]) if self.text(tag) else np.array([])

    def number(self, tag: str, otherwise: float) -> float:
        return float(self.text(tag)) if self.text(tag) else otherwise


def header(file: Path) -> Header:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(file))
    reader.ReadImageInformation()
    return Header({tag: reader.GetMetaData(tag) for tag in reader.GetMetaDataKeys()})


def values(file: Path) -> NDArray[Any]:
    """(rows, columns), rescaled by GDCM."""
    return np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))))[0]


def acquisition(files: Sequence[Path]) -> dict[str, Any]:
    """Images, spacing and thickness in mm, and the faults by name."""
    heads = [header(file) for file in files]
    thick = {head.number(THICKNESS, -1) for head in heads}
    steps, tilt = _geometry(heads)
    return {
        "images": len(files),
        "spacing_between_mm": round(float(np.median(steps)), 2) if len(steps) and len(_lengths(steps)) == 1 else None,
        "thickness_mm": thick.pop() if len(thick) == 1 and -1 not in thick else None,
        "faults": sorted({*_stack_faults(steps, tilt), *_other_faults(heads, files)}),
    }


def body(files: Sequence[Path]) -> dict[str, float]:
    """HU statistics of all that is denser than -300, to the digits that are reported."""
    dense = np.concatenate([found[found > -300] for file in files if (found := np.rint(values(file).ravel())).size])
    dense = np.minimum(dense, 3071)  # a 12 bit scale ends there
    return {
        "mean": round(float(dense.mean()), 1),
        "standard deviation": round(float(dense.std()), 1),
        "median": float(np.percentile(dense, 50, method="inverted_cdf")),
        "voxels": int(dense.size),
    }


def _geometry(heads: Sequence[Header]) -> tuple[NDArray[np.float64], float]:
    """Steps along the normal, and by how many degrees the way from first to last leans from it."""
    if len(heads) < 2 or not all(head.text(POSITION) and head.text(ORIENTATION) for head in heads):
        return np.array([]), 0.0
    across = heads[0].numbers(ORIENTATION)
    normal = np.cross(across[:3], across[3:])
    places = np.array([head.numbers(POSITION) for head in heads])
    along = places @ normal
    order = np.argsort(along)
    way = places[order[-1]] - places[order[0]]
    return np.diff(along[order]), math.degrees(math.acos(min(1.0, abs(way @ normal) / np.linalg.norm(way))))


def _lengths(steps: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The steps in groups of one length, which differ by less than 0.2 mm from one to the next."""
    ordered = np.sort(steps)
    return np.split(ordered, np.flatnonzero(np.diff(ordered) > 0.2) + 1)


def _stack_faults(steps: NDArray[np.float64], tilt: float) -> list[str]:
    if not len(steps):
        return []
    lengths = _lengths(steps)
    usual = [length for length in lengths if len(length) >= 3]
    return [
        *(["several spacings"] if len(usual) > 1 else []),
        *(["uneven spacing"] if len(usual) < len(lengths) else []),
        *(["tilted gantry"] if tilt > 1 else []),
    ]


def _other_faults(heads: Sequence[Header], files: Sequence[Path]) -> list[str]:
    modality = heads[0].text(MODALITY)
    placed = all(head.text(POSITION) for head in heads)
    numbers = sorted(int(head.number(NUMBER, 0)) for head in heads)
    left_out = any(after - before > 1 for before, after in pairwise(numbers))
    unspaced = any(not (head.text(PIXEL_SPACING) or head.text(IMAGER_SPACING)) for head in heads)
    lacking = any(not head.text(tag) for head in heads for tag in NEEDED[modality].values())
    cut = modality != "CT" and any(_top_share(head, file) > 0.02 for head, file in zip(heads, files, strict=True))
    return [
        *(["geometry"] if len(files) > 1 and not placed else []),
        *(["missing instance numbers"] if left_out else []),
        *(["no pixel spacing"] if unspaced else []),
        *(["missing attribute"] if lacking else []),
        *(["grey scale cut off"] if cut else []),
    ]


def _top_share(head: Header, file: Path) -> float:
    """Share of the pixels on the highest value that the stored bits can hold."""
    stored = (values(file) - head.number(INTERCEPT, 0)) / head.number(SLOPE, 1)
    highest = 2 ** (int(head.number(BITS, 8)) - int(head.number(SIGNED, 0))) - 1
    return float(np.mean(stored >= highest))
