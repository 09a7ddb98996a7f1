"""Stack: slices of one series in the order in which they lie, from Image Position and Orientation (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from service.domain.errors import Unsupported

_PARALLEL = 1e-3
"""How much the direction cosines of two slices may differ."""
_EVEN = 0.05
"""By what part of the usual distance one distance may differ."""

Position = tuple[float, float, float]
Orientation = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plane:
    """Where one slice lies, in mm of the patient's coordinates, and the directions of its rows and columns."""

    position_mm: Position
    orientation: Orientation


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """The order of slices along the normal of rows and columns, and the distance between them."""

    order: tuple[int, ...]
    spacing_mm: float


def stack(planes: Sequence[Plane | None]) -> Stack:
    """Return how `planes` lie on one another.

    Raises Unsupported where they make no volume: nothing states where they lie, they are not parallel, two lie in one
    place, or their distances differ (a slice is missing).
    """
    known = [plane for plane in planes if plane is not None]
    if len(known) < len(planes):
        raise Unsupported("a slice does not state where it lies")
    if len(known) < 2:
        raise Unsupported("the series is one slice; the model reads volumes")
    first = known[0].orientation
    if any(abs(a - b) > _PARALLEL for plane in known for a, b in zip(plane.orientation, first, strict=True)):
        raise Unsupported("the slices of the series are not parallel")
    normal = _normal(first)
    depths = [sum(a * b for a, b in zip(plane.position_mm, normal, strict=True)) for plane in known]
    order = sorted(range(len(depths)), key=depths.__getitem__)
    gaps = [depths[after] - depths[before] for before, after in pairwise(order)]
    usual = median(gaps)
    if min(gaps) <= _EVEN * usual:
        raise Unsupported("several slices of the series lie in one place")
    if max(abs(gap - usual) for gap in gaps) > _EVEN * usual:
        raise Unsupported("the slices of the series are not at equal distances")
    return Stack(order=tuple(order), spacing_mm=(depths[order[-1]] - depths[order[0]]) / len(gaps))


def _normal(orientation: Orientation) -> Position:
    a, b, c, d, e, f = orientation
    return b * f - c * e, c * d - a * f, a * e - b * d
