"""A phantom as a picture: drawn by its view, marked, exposed, with noise; and its findings with their boxes."""

from dataclasses import dataclass, replace

import numpy as np
import phantom_ct
import phantom_frontal
import phantom_lateral
import phantom_marks
import tasks
from findings import Finding, in_order
from phantom_model import Phantom
from phantom_shapes import Grey, extent, mottle

DRAW = {"frontal": phantom_frontal.draw, "lateral": phantom_lateral.draw, "ct": phantom_ct.draw}
BOXLESS = frozenset({"emphysema"})


@dataclass(frozen=True)
class Rendered:
    """A picture with what it shows."""

    grey: Grey
    """(rows, columns) over 0..1, MONOCHROME2."""
    findings: tuple[Finding, ...]
    """In the order of the report, with boxes in bins."""


def render(phantom: Phantom, rows: int, columns: int, words: str | None = None) -> Rendered:
    """Return `phantom` at that size; `words` are burned into it."""
    kind = phantom.kind
    grey, layers = DRAW[kind](phantom, rows, columns)
    if kind != "ct":
        grey = np.clip(0.04 + 0.84 * grey, 0, 1) ** np.float32(phantom.exposure)
    grey = np.clip(grey + mottle(phantom.noise_seed, rows, columns, phantom.noise), 0, 1)
    marks, cover = phantom_marks.overlay(np.random.default_rng(phantom.overlay), rows, columns, kind, words)
    grey = grey * (1 - cover) + marks * cover
    found = [
        _boxed(lesion.finding, layer, rows, columns) for lesion, layer in zip(phantom.lesions, layers, strict=True)
    ]
    return Rendered(grey.astype(np.float32), in_order(found, kind))


def _boxed(finding: Finding, layer: Grey, rows: int, columns: int) -> Finding:
    """Return `finding` with the box of what was drawn of it."""
    pixels = None if finding.name in BOXLESS else extent(layer)
    return replace(finding, box=tasks.box_of(pixels, rows, columns)) if pixels else finding
