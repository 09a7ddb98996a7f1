"""Plane and Stack: where images lie in the patient, and what a series of them amounts to (PS3.3 C.7.6.2).

Lengths in millimetres in the patient's coordinate system; numbers only, no pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from service.domain.errors import Unsupported

Vector = tuple[float, float, float]

PARALLEL = 1e-3
"""Sine of the angle up to which two planes count as parallel (0.06 degrees)."""
SAME_PLACE_MM = 0.01
"""Two positions nearer than this are one: headers round."""
UNEVEN = 0.1
"""Share of the usual spacing by which one may differ before the stack counts as uneven."""
ZONE_STEPS = 3
"""So many equal steps are a choice of whoever scanned, fewer are an accident."""
EVEN = 0.05
"""Share of the usual spacing by which a step may differ in a volume."""
TILTED_DEG = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Plane:
    """One image in the patient; None for what its header does not say."""

    position_mm: Vector | None = None
    """Centre of the first voxel (Image Position (Patient))."""
    row_direction: Vector | None = None
    """Direction in which the columns count up; unit length."""
    column_direction: Vector | None = None
    """Direction in which the rows count up; unit length."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows, between columns."""
    thickness_mm: float | None = None

    @property
    def normal(self) -> Vector | None:
        """Unit vector across the image; None without an orientation of two directions at right angles."""
        if self.row_direction is None or self.column_direction is None:
            return None
        if abs(dot(self.row_direction, self.column_direction)) > PARALLEL:
            return None
        return unit(cross(self.row_direction, self.column_direction))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """Parallel planes in the order of their place, and what is odd about them. Built by `stack`."""

    order: tuple[int, ...]
    """Which plane stands where: indexes into the planes it was made of, along their normal."""
    steps_mm: tuple[float, ...]
    """Distances along the normal from each to the next; one less than planes."""
    tilt_deg: float
    """Angle between the normal and the line on which the planes are lined up (a tilted gantry shears the stack)."""

    @property
    def spacing_mm(self) -> float | None:
        """The usual distance of two neighbours; None with fewer than two places."""
        apart = [step for step in self.steps_mm if step > SAME_PLACE_MM]
        return median(apart) if apart else None

    @property
    def mean_spacing_mm(self) -> float:
        """The way from first to last in equal parts, for a volume, whose steps differ by rounding alone."""
        return sum(self.steps_mm) / len(self.steps_mm)

    @property
    def duplicates(self) -> int:
        """How many planes lie where another already does."""
        return sum(step <= SAME_PLACE_MM for step in self.steps_mm)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Runs of equal steps: one for most series, two for a head scanned finely below and coarsely above."""
        found: list[Zone] = []
        for place, step in enumerate(self.steps_mm):
            if found and found[-1].behind == place and _alike(step, found[-1].spacing_mm):
                found[-1] = Zone(found[-1].first, place + 1, found[-1].spacing_mm)
            elif step > SAME_PLACE_MM:
                found.append(Zone(place, place + 1, step))
        return tuple(zone for zone in found if zone.steps >= ZONE_STEPS)

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(place in the order, planes that are missing behind it), where whole planes are missing."""
        usual = self._usual()
        missing = [(place, round(self.steps_mm[place] / step) - 1) for place, step in usual.items()]
        return tuple((place, count) for place, count in missing if count > 0)

    @property
    def uneven(self) -> bool:
        """Whether neighbours lie at distances that are no whole multiple of the usual one there."""
        ratios = [self.steps_mm[place] / step for place, step in self._usual().items()]
        return any(abs(ratio - max(1, round(ratio))) > UNEVEN for ratio in ratios)

    def _usual(self) -> Mapping[int, float]:
        """For each step outside of the zones, the spacing of the nearest zone; of the whole stack without one."""
        zones, usual = self.zones, self.spacing_mm
        if usual is None:
            return {}
        return {
            place: min(zones, key=lambda zone: zone.distance(place)).spacing_mm if zones else usual
            for place, step in enumerate(self.steps_mm)
            if step > SAME_PLACE_MM
            and not any(zone.first <= place < zone.behind for zone in zones)
            and not any(_leads(step, place, before, after) for before, after in pairwise(zones))
        }


@dataclass(frozen=True, slots=True)
class Zone:
    """A run of equal steps in a stack, from the place `first` to the place `behind`."""

    first: int
    behind: int
    spacing_mm: float

    @property
    def steps(self) -> int:
        return self.behind - self.first

    def distance(self, place: int) -> int:
        """How many steps away `place` lies."""
        return max(self.first - place, place - self.behind + 1, 0)


def _leads(step_mm: float, place: int, before: Zone, after: Zone) -> bool:
    """Whether this is the one step from a zone to the next, of a length between theirs."""
    shorter, longer = sorted((before.spacing_mm, after.spacing_mm))
    return before.behind == place == after.first - 1 and shorter <= step_mm <= longer


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= UNEVEN * other


class NoStack(Unsupported):
    """The images make no stack, or no volume; the text says why, as a person would read it."""


def stack(planes: Sequence[Plane]) -> Stack:
    """Put parallel planes in order. Raises NoStack where positions or a common orientation are missing."""
    if not planes:
        raise NoStack("there are no images")
    if any(plane.position_mm is None for plane in planes):
        raise NoStack("not every image states its position")
    normal = common_normal(planes)
    places = [plane.position_mm for plane in planes if plane.position_mm is not None]
    along = [dot(place, normal) for place in places]
    order = tuple(sorted(range(len(planes)), key=lambda index: (along[index], index)))
    steps = tuple(along[after] - along[before] for before, after in pairwise(order))
    return Stack(order=order, steps_mm=steps, tilt_deg=_tilt(places[order[0]], places[order[-1]], normal))


def volume(planes: Sequence[Plane | None]) -> Stack:
    """Put the slices of a volume in order. Raises NoStack where they do not fill one: a gap, a duplicate."""
    known = [plane for plane in planes if plane is not None]
    if len(known) < len(planes):
        raise NoStack("a slice does not state where it lies")
    if len(known) < 2:
        raise NoStack("the series is one slice, which makes no volume")
    found = stack(known)
    if found.duplicates:
        raise NoStack("several slices of the series lie in one place")
    usual = found.spacing_mm or 0.0
    if any(abs(step - usual) > EVEN * usual for step in found.steps_mm):
        raise NoStack("the slices of the series are not at equal distances")
    return found


def common_normal(planes: Sequence[Plane]) -> Vector:
    """The normal that all planes share. Raises NoStack if one has none or another one."""
    normals = [plane.normal for plane in planes]
    first = normals[0]
    if first is None or any(normal is None for normal in normals):
        raise NoStack("not every image states its orientation")
    if any(length(cross(first, normal)) > PARALLEL for normal in normals if normal is not None):
        raise NoStack("the images have several orientations")
    return first


def _tilt(first: Vector, last: Vector, normal: Vector) -> float:
    way = subtract(last, first)
    if length(way) <= SAME_PLACE_MM:
        return 0.0
    return math.degrees(math.atan2(length(cross(way, normal)), abs(dot(way, normal))))


def dot(one: Vector, other: Vector) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def cross(one: Vector, other: Vector) -> Vector:
    (a, b, c), (x, y, z) = one, other
    return b * z - c * y, c * x - a * z, a * y - b * x


def subtract(one: Vector, other: Vector) -> Vector:
    (a, b, c), (x, y, z) = one, other
    return a - x, b - y, c - z


def length(vector: Vector) -> float:
    return math.sqrt(dot(vector, vector))


def unit(vector: Vector) -> Vector | None:
    """The vector at length 1; None for one without a direction."""
    size = length(vector)
    if size < PARALLEL:
        return None
    a, b, c = vector
    return a / size, b / size, c / size
