"""Soft shapes on a plane of millimetres: what every phantom is drawn from. NumPy only.

Arrays are (rows, columns) or broadcast to it. Lengths are in units of UNIT_MM; x runs to image right, y down.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIELD_MM = 360.0
"""Long side of every picture."""
UNIT_MM = FIELD_MM / 2
"""The anatomy's unit of length; the long side runs from -1 to 1."""

Grey = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Pose:
    """How the patient stands in the picture: moved (units), scaled, tilted (radians)."""

    shift: tuple[float, float]
    scale: float
    tilt: float


def spacing_mm(rows: int, columns: int) -> float:
    """Return the distance of two pixels of a picture of that size."""
    return FIELD_MM / max(rows, columns)


def plane(rows: int, columns: int, pose: Pose | None = None) -> tuple[Grey, Grey]:
    """Return x and y of each pixel, each (rows, columns), in the patient's units, or the picture's without a pose."""
    step = spacing_mm(rows, columns) / UNIT_MM
    shift = pose.shift if pose else (0.0, 0.0)
    across = ((np.arange(columns) - (columns - 1) / 2) * step - shift[0]).astype(np.float32)[None, :]
    down = ((np.arange(rows) - (rows - 1) / 2) * step - shift[1]).astype(np.float32)[:, None]
    if pose is None:
        return across + 0 * down, down + 0 * across
    cos, sin = np.float32(math.cos(pose.tilt) / pose.scale), np.float32(math.sin(pose.tilt) / pose.scale)
    return across * cos + down * sin, down * cos - across * sin


def step(value: Any, steepness: float) -> Any:
    """Return a smooth step from 0 to 1 where `value` passes 0."""
    return 1 / (1 + np.exp(np.clip(-steepness * value, -30, 30)))


def ellipse(x: Any, y: Any, at: tuple[float, float], half: tuple[float, float], steepness: float = 12) -> Any:
    """Return 1 inside an ellipse and 0 outside, with a soft edge."""
    return step(1 - (((x - at[0]) / half[0]) ** 2 + ((y - at[1]) / half[1]) ** 2), steepness)


def disc(x: Any, y: Any, at: tuple[float, float], radius: float, edge: float = 0.006) -> Any:
    """Return 1 inside a circle; `edge` is the length over which it fades."""
    return step(radius - np.hypot(x - at[0], y - at[1]), 1 / edge)


def line(x: Any, y: Any, points: list[tuple[float, float]], width: float) -> Any:
    """Return a line through `points` as a soft ridge of `width`."""
    nearest = np.full(np.broadcast(x, y).shape, np.inf, np.float32)
    for (ax, ay), (bx, by) in pairwise(points):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        nearest = np.minimum(nearest, (x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2)
    return np.exp(-nearest / (width / 2) ** 2)


def field(x: Any, y: Any, seed: int, cells: int) -> Any:
    """Return a smooth random function of the place over 0..1, with `cells` hills per unit."""
    size = 4 * cells
    grid = np.random.default_rng(seed).random((size, size), np.float32)
    u, v = np.clip((x + 2) * cells, 0, size - 1.001), np.clip((y + 2) * cells, 0, size - 1.001)
    i, j = u.astype(np.int32), v.astype(np.int32)
    p, q = u - i, v - j
    upper = grid[j, i] * (1 - p) + grid[j, np.minimum(i + 1, size - 1)] * p
    below = np.minimum(j + 1, size - 1)
    lower = grid[below, i] * (1 - p) + grid[below, np.minimum(i + 1, size - 1)] * p
    return upper * (1 - q) + lower * q


def extent(layer: Any) -> tuple[int, int, int, int] | None:
    """Return x0, y0, x1, y1 in pixels, ends inside, of where `layer` has half its strength or more, or None."""
    inside = layer > max(0.15, 0.5 * float(layer.max()))
    columns, rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def mottle(seed: int, rows: int, columns: int, strength: float) -> Any:
    """Return quantum noise: fine per pixel, and coarse with a grain of 2 mm whatever the picture's size."""
    rng = np.random.default_rng(seed)
    cells = math.ceil(FIELD_MM / 2) + 1
    grain = rng.standard_normal((cells, cells), np.float32)
    across = spacing_mm(rows, columns) / 2
    i, j = (np.arange(rows) * across).astype(int), (np.arange(columns) * across).astype(int)
    fine = rng.standard_normal((rows, columns), np.float32)
    return np.float32(strength) * grain[i[:, None], j[None, :]] + np.float32(0.8 * strength) * fine
