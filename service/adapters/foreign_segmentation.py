"""A foreign segmentation read by pydicom: segments, and pixels laid on a grid. Runs in the bounded child only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from service.adapters.foreign_frames import frames_of
from service.adapters.foreign_pixels import MAX_PIXELS
from service.adapters.placing import plane
from service.adapters.presentation import flattened, number
from service.domain.errors import Unreadable, Unsupported

MAX_SEGMENTS = 2000
MAX_FRAMES = 20_000
"""Frames of one segmentation; planes with a marked pixel, where one frame may hold several segments."""
MAX_REFERENCES = 20_000
ALIKE = 1e-3
"""Sine of the angle up to which two directions are one."""
BETWEEN = 0.1
"""Share of a pixel by which pixels may lie beside ours and still be on them."""
Vector = NDArray[np.float64]


def segments_of(file: BinaryIO) -> Mapping[str, Any]:
    """The fields of `service.domain.segmented.Segmentation` as JSON has them."""
    dataset = _read(file, stop_before_pixels=True)
    segments = list(dataset.get("SegmentSequence") or ())
    if not segments:
        raise Unreadable("It describes no segment.")
    if len(segments) > MAX_SEGMENTS:
        raise Unsupported(f"It has {len(segments)} segments; no more than {MAX_SEGMENTS} are looked at.")
    references = dict.fromkeys(_referenced(dataset))
    return {
        "person": str(dataset.get("ContentCreatorName", ""))[:64],
        "studies": [uid for uid in dict.fromkeys(_studies(dataset)) if uid][:100],
        "references": list(references)[:MAX_REFERENCES],
        # Number 0 is the background of a label map, where a tool describes it at all.
        "segments": [_segment(item) for item in segments if number(item, "SegmentNumber")],
    }


def marks_of(file: BinaryIO, onto: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], bytes]:
    """The fields of `service.domain.segmented.Marks`, the bits of every plane compressed one after the other.

    With `onto`, another object's grid, the pixels are laid over those of that one, turned, mirrored and shifted by
    whole pixels as need be. Raises Unsupported where they do not lie on them.
    """
    dataset = _read(file)
    count = int(number(dataset, "NumberOfFrames") or 1)
    if count > MAX_FRAMES:
        raise Unsupported(f"It has {count} frames; no more than {MAX_FRAMES} are looked at.")
    grid = _grid(dataset, count)
    canvas = _Canvas(grid, onto) if onto else None
    known = {int(number(item, "SegmentNumber") or 0) for item in dataset.get("SegmentSequence") or ()}
    planes: list[tuple[int, str, float | None, int]] = []
    body: list[bytes] = []
    for segment, marked in _segment_frames(dataset, count):
        if segment not in known:
            raise Unreadable(f"It marks pixels of segment {segment}, which it does not describe.")
        if len(planes) >= MAX_FRAMES:
            raise Unsupported(f"More than {MAX_FRAMES} planes of it have marked pixels.")
        frame = grid["frames"][marked.frame]
        laid = canvas.laid(marked.pixels, frame) if canvas else (marked.pixels, frame.at_mm)
        packed = zlib.compress(np.packbits(laid[0]).tobytes(), 1)
        planes.append((segment, frame.image, laid[1], len(packed)))
        body.append(packed)
    return {"grid": {key: value for key, value in grid.items() if key != "frames"}, "planes": planes}, b"".join(body)


class _Frame(NamedTuple):
    image: str
    position: Vector | None
    at_mm: float | None


class _Marked(NamedTuple):
    frame: int
    pixels: NDArray[np.bool_]


def _read(file: BinaryIO, **how: Any) -> Dataset:
    try:
        return dcmread(file, force=True, **how)
    except InvalidDicomError as error:
        raise Unreadable("The object is not DICOM.") from error


def _segment(item: Dataset) -> dict[str, Any]:
    kind = _meaning(item, "SegmentedPropertyTypeCodeSequence")
    site = (item.get("AnatomicRegionSequence") or [Dataset()])[0]
    sides = [_meaning(each, name) for each, name in (
        (item.get("SegmentedPropertyTypeCodeSequence", [Dataset()])[0], "SegmentedPropertyTypeModifierCodeSequence"),
        (site, "AnatomicRegionModifierSequence"),
    )]  # fmt: skip
    return {
        "number": int(number(item, "SegmentNumber") or 0),
        "name": str(item.get("SegmentLabel", "") or kind)[:64],
        "kind": " ".join(filter(None, (kind, *sides)))[:200],
        "tracking_uid": str(item.get("TrackingUID", ""))[:64],
        "automatic": str(item.get("SegmentAlgorithmType", "")) == "AUTOMATIC",
    }


def _meaning(item: Dataset, name: str) -> str:
    codes = item.get(name)
    return str(codes[0].get("CodeMeaning", "")) if codes else ""


def _studies(dataset: Dataset) -> Iterator[str]:
    yield str(dataset.get("StudyInstanceUID", ""))
    for name in ("StudiesContainingOtherReferencedInstancesSequence", "PredecessorDocumentsSequence"):
        yield from (str(study.get("StudyInstanceUID", "")) for study in dataset.get(name) or ())


def _referenced(above: Dataset, depth: int = 0) -> Iterator[str]:
    """Every Referenced SOP Instance UID at any place; tools put what they started from in several."""
    for element in above:
        if element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)
        elif element.VR == "SQ" and depth < 8:
            for item in element.value:
                yield from _referenced(item, depth + 1)


# --- where it lies ---------------------------------------------------------------------------------------


def _grid(dataset: Dataset, count: int) -> dict[str, Any]:
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if groups and len(groups) < count:
        raise Unreadable(f"It has {count} frames and describes {len(groups)}.")
    planes = [plane(flattened(dataset, at + 1)) for at in range(count)]
    first = planes[0]
    along, down = first["row_direction"], first["column_direction"]
    if any((one["row_direction"], one["column_direction"]) != (along, down) for one in planes):
        raise Unsupported("Its frames have several orientations.")
    if along is None or down is None or abs(np.dot(along, down)) > ALIKE:
        along = down = None
    positions = [
        None if one["position_mm"] is None or along is None else np.array(one["position_mm"]) for one in planes
    ]
    placed = [one for one in positions if one is not None]
    origin = placed[0] if placed else None
    heights = [None if one is None else _height(one, origin, along, down) for one in positions]
    shared = dataset.get("SharedFunctionalGroupsSequence")
    frames = [
        _Frame(
            _image(shared[0] if shared else Dataset(), groups[at] if groups else Dataset()), positions[at], heights[at]
        )
        for at in range(count)
    ]
    return {
        "frames": frames,
        "rows": int(number(dataset, "Rows") or 0),
        "columns": int(number(dataset, "Columns") or 0),
        "orientation": None if along is None else [list(along), list(down)],
        "spacing_mm": first["spacing_mm"],
        "step_mm": _step(dataset, heights, first["thickness_mm"]),
        "frame_of_reference": str(dataset.get("FrameOfReferenceUID", "")),
        "origin_mm": None if origin is None else origin.tolist(),
        "line": None if origin is None else _line(placed, heights, along, down),
    }


def _height(position: Vector, origin: Any, along: Any, down: Any) -> float:
    return float(np.dot(position - origin, np.cross(along, down)))


def _line(placed: list[Vector], heights: list[float | None], along: Any, down: Any) -> list[float]:
    known = [height for height in heights if height is not None]
    low, high = int(np.argmin(known)), int(np.argmax(known))
    if known[high] - known[low] < 1e-3:
        return [float(part) for part in np.cross(along, down)]
    return [float(part) for part in (placed[high] - placed[low]) / (known[high] - known[low])]


def _step(dataset: Dataset, heights: list[float | None], thickness: float | None) -> float | None:
    """From slice to slice: as stated, as the frames lie, or as thick as the only one is."""
    stated = number(flattened(dataset, 1), "SpacingBetweenSlices")
    places = np.unique(np.round([height for height in heights if height is not None], 3))
    apart = float(np.min(np.diff(places))) if len(places) > 1 else None
    found = stated or apart or thickness
    return found if found and np.isfinite(found) and found > 0 else None


def _image(shared: Dataset, own: Dataset) -> str:
    """The one image that a frame was drawn over; empty for none or several."""
    for group in (own, shared):
        sources = [
            source for derived in group.get("DerivationImageSequence") or ()
            for source in derived.get("SourceImageSequence") or ()
        ]  # fmt: skip
        if len(sources) == 1:
            frame = sources[0].get("ReferencedFrameNumber")
            uid = str(sources[0].get("ReferencedSOPInstanceUID", ""))
            return f"{uid}#{frame}" if isinstance(frame, int) else uid
    return ""


class _Canvas:
    """Another object's pixels, onto which frames are laid."""

    def __init__(self, grid: Mapping[str, Any], onto: Mapping[str, Any]) -> None:
        self._onto = onto
        self._size = (int(onto["rows"]), int(onto["columns"]))
        self._same = (grid["rows"], grid["columns"]) == self._size
        self._ways = _ways(grid, onto)
        if grid["frame_of_reference"] and onto["frame_of_reference"]:
            self._strange = grid["frame_of_reference"] != onto["frame_of_reference"]
        else:
            self._strange = False

    def laid(self, pixels: NDArray[np.bool_], frame: _Frame) -> tuple[NDArray[np.bool_], float | None]:
        """The pixels on the other's, and how far along its normal. Raises Unsupported."""
        if frame.position is None or self._ways is None:
            if not self._same or not frame.image:
                raise Unsupported("its frames do not say where they lie, and are not of our images' size")
            return pixels, None
        if self._strange:
            raise Unsupported("it lies in another frame of reference than ours")
        along, down = (np.array(way) for way in self._onto["orientation"])
        normal = np.cross(along, down)
        offset = frame.position - np.array(self._onto["origin_mm"])
        height = float(np.dot(offset, normal))
        beside = offset - height * np.array(self._onto["line"])
        between_rows, between_columns = self._onto["spacing_mm"]
        start = np.array([np.dot(beside, down) / between_rows, np.dot(beside, along) / between_columns])
        if np.any(np.abs(start) > MAX_PIXELS):
            raise Unsupported("it marks pixels outside of our images")
        if np.any(np.abs(start - np.round(start)) > BETWEEN):
            raise Unsupported("its pixels lie between ours")
        places = np.argwhere(pixels) @ self._ways + np.round(start).astype(np.int64)
        if np.any(places < 0) or np.any(places >= self._size):
            raise Unsupported("it marks pixels outside of our images")
        laid = np.zeros(self._size, np.bool_)
        laid[places[:, 0], places[:, 1]] = True
        return laid, height


def _ways(grid: Mapping[str, Any], onto: Mapping[str, Any]) -> NDArray[np.int64] | None:
    """How a step along rows and columns of one counts on the other, (2, 2); None if one does not say how it lies.

    Raises Unsupported where the two are not parallel or not of one spacing.
    """
    if not (grid["orientation"] and onto["orientation"] and grid["spacing_mm"] and onto["spacing_mm"]):
        return None
    along, down = (np.array(way) for way in onto["orientation"])
    its_along, its_down = (np.array(way) for way in grid["orientation"])
    turned = np.array([[np.dot(its_down, down), np.dot(its_down, along)],
                       [np.dot(its_along, down), np.dot(its_along, along)]])  # fmt: skip
    ways = np.round(turned).astype(np.int64)
    if np.any(np.abs(turned - ways) > ALIKE) or abs(int(np.linalg.det(ways))) != 1:
        raise Unsupported("it lies at an angle to our images")
    its, ours = np.array(grid["spacing_mm"]), np.array(onto["spacing_mm"])
    drift = np.abs(its - np.abs(ways) @ ours) * max(grid["rows"], grid["columns"], 1)
    if np.any(drift > np.abs(ways) @ ours / 2):
        raise Unsupported("its pixels are of another size than ours")
    return ways


# --- what it marks ---------------------------------------------------------------------------------------


def _segment_frames(dataset: Dataset, count: int) -> Iterator[tuple[int, _Marked]]:
    """Every plane with a marked pixel, and its segment."""
    kind = str(dataset.get("SegmentationType", ""))
    labelled = kind == "LABELMAP"
    half = (number(dataset, "MaximumFractionalValue") or 255) / 2 if kind == "FRACTIONAL" else 0.5
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for at, values in enumerate(frames_of(dataset, count)):
        if labelled:
            for segment in np.flatnonzero(np.bincount(values.ravel())):
                if segment:
                    yield int(segment), _Marked(at, values == segment)
        elif np.any(marked := values >= half):
            yield _number(groups[at] if groups else Dataset(), shared), _Marked(at, marked)


def _number(own: Dataset, shared: Dataset) -> int:
    for group in (own, shared):
        if items := group.get("SegmentIdentificationSequence"):
            return int(number(items[0], "ReferencedSegmentNumber") or 0)
    raise Unreadable("A frame does not say of which segment it is.")
