"""Segmented: a segmentation that came in, as far as its pixels can be laid over those of one of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom.uid import UID

from service.domain.errors import Unsupported
from service.domain.geometry import Vector

ASTRAY = 0.2
"""Share of the distance of two slices by which a frame may lie beside one and still be on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """What one segment says of itself (PS3.3 C.8.20.4)."""

    number: int
    name: str
    """Its label, else what its type means."""
    kind: str
    """Coded type and side, as words; what tells two segments apart beside the name."""
    tracking_uid: str = ""
    automatic: bool = True
    """Whether nobody but a program has drawn it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segmentation:
    """What a segmentation says beside its pixels."""

    person: str
    """Who is named as its creator; empty for nobody."""
    studies: tuple[UID, ...]
    references: frozenset[UID]
    """Every instance that it names: images, and what it was made of."""
    segments: tuple[Segment, ...]

    @property
    def by_person(self) -> bool:
        """Whether a person drew in it: what preread writes is automatic."""
        return any(not segment.automatic for segment in self.segments)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Where the pixels of a segmentation lie; None for what it does not say."""

    rows: int
    columns: int
    orientation: tuple[Vector, Vector] | None = None
    """Directions in which columns and rows count up."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows, between columns."""
    step_mm: float | None = None
    """From slice to slice."""
    frame_of_reference: str = ""
    origin_mm: Vector | None = None
    """Position of the first pixel of the first frame."""
    line: Vector | None = None
    """How far that pixel moves from slice to slice, by millimetre along the normal; a tilted gantry shears."""

    @property
    def voxel_ml(self) -> float | None:
        if self.spacing_mm is None or self.step_mm is None:
            return None
        return self.spacing_mm[0] * self.spacing_mm[1] * self.step_mm / 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The pixels of one segment in one plane, a bit each."""

    segment: int
    image: str
    """The image that it says it lies over; empty for none."""
    at_mm: float | None
    """Along the normal, from the grid's origin; None if it does not say where it lies."""
    pixels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The pixels of a segmentation on one grid; empty frames are left out."""

    grid: Grid
    frames: tuple[Frame, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """One segment before and after; 0 pixels where there was none, or is none any more."""

    before: Segment | None
    after: Segment | None
    pixels_before: int = 0
    pixels_after: int = 0
    common: int = 0

    @property
    def added(self) -> int:
        return self.pixels_after - self.common

    @property
    def removed(self) -> int:
        return self.pixels_before - self.common

    @property
    def dice(self) -> float:
        """0..1; 1 for two that are empty."""
        both = self.pixels_before + self.pixels_after
        return 2 * self.common / both if both else 1.0


Planes = Mapping[str, int]
"""Bits by place."""


def compared(ours: Segmentation, drawn: Marks, theirs: Segmentation, redrawn: Marks | None) -> tuple[Overlap, ...]:
    """Every segment of ours with what became of it, then every new one.

    `redrawn` lies on the grid of `drawn`. Segments are the same by tracking UID, else by name and kind, else where they
    cover one another most. One of ours is gone only if another of ours is there: else something else was drawn.
    Raises Unsupported, with the reason, for frames that cannot be laid over ours.
    """
    places = {frame.image: frame.at_mm for frame in drawn.frames if frame.image}
    before = _by_segment(drawn, drawn.grid, places)
    after = _by_segment(redrawn, drawn.grid, places) if redrawn else {}
    pairs = _pairs(ours.segments, theirs.segments, before, after)
    known = set(pairs.values())
    found = [
        _overlap(segment, pairs.get(segment), before, after) for segment in ours.segments if segment in pairs or known
    ]
    return (*found, *(_overlap(None, segment, before, after) for segment in theirs.segments if segment not in known))


def _pairs(
    ours: Iterable[Segment], theirs: Iterable[Segment], before: Mapping[int, Planes], after: Mapping[int, Planes]
) -> dict[Segment, Segment]:
    found: dict[Segment, Segment] = {}
    left = list(theirs)

    def pair(one: Segment, other: Segment) -> None:
        found[one] = other
        left.remove(other)

    for one in ours:
        same = [each for each in left if one.tracking_uid and each.tracking_uid == one.tracking_uid]
        if same:
            pair(one, same[0])
    for one in (each for each in ours if each not in found):
        same = [each for each in left if (each.name, each.kind) == (one.name, one.kind)]
        if len(same) == 1:
            pair(one, same[0])
    for one in (each for each in ours if each not in found):
        shared = [(_common(before.get(one.number, {}), after.get(each.number, {})), -n) for n, each in enumerate(left)]
        most, place = max(shared, default=(0, 0))
        if most:
            pair(one, left[-place])
    return found


def _overlap(
    one: Segment | None, other: Segment | None, before: Mapping[int, Planes], after: Mapping[int, Planes]
) -> Overlap:
    old: Planes = before.get(one.number, {}) if one else {}
    new: Planes = after.get(other.number, {}) if other else {}
    return Overlap(
        before=one, after=other, pixels_before=_count(old), pixels_after=_count(new), common=_common(old, new)
    )


def _count(planes: Planes) -> int:
    return sum(bits.bit_count() for bits in planes.values())


def _common(old: Planes, new: Planes) -> int:
    return sum((bits & new[place]).bit_count() for place, bits in old.items() if place in new)


Places = Mapping[str, float | None]
"""Where our frames over each image lie along the normal, in mm."""


def _by_segment(marks: Marks, grid: Grid, places: Places) -> Mapping[int, Planes]:
    """Each segment's planes by place; two frames of one segment in one place are one."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for frame in marks.frames:
        place = _place(frame, grid, places)
        found[frame.segment][place] = found[frame.segment].get(place, 0) | frame.pixels
    return found


def _place(frame: Frame, grid: Grid, places: Places) -> str:
    """The slice that a frame lies on: an image of ours, else one of the same stack. Raises Unsupported."""
    if frame.image in places:
        ours = places[frame.image]
        if ours is not None and frame.at_mm is not None and abs(ours - frame.at_mm) > ASTRAY * (grid.step_mm or 1):
            raise Unsupported("its frames lie elsewhere than the images that they name")
        return frame.image
    if frame.at_mm is not None and grid.step_mm:
        near = [image for image, at in places.items() if at is not None and _near(frame.at_mm, at, grid.step_mm)]
        number = round(frame.at_mm / grid.step_mm)
        if near:
            return near[0]
        if _near(frame.at_mm, number * grid.step_mm, grid.step_mm):
            return f"slice {number}"
    if not frame.image:
        between = frame.at_mm is not None
        raise Unsupported("its slices lie between ours" if between else "its frames do not say where they lie")
    return frame.image


def _near(at_mm: float, other_mm: float, step_mm: float) -> bool:
    return abs(at_mm - other_mm) <= ASTRAY * step_mm
