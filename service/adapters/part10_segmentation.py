"""What the child says of a segmentation, as the domain has it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from pydicom.uid import UID

from service.adapters.bounded import Reply
from service.domain.errors import Unreadable
from service.domain.geometry import Vector
from service.domain.segmented import Frame, Grid, Marks, Segment, Segmentation
from service.domain.uids import is_uid


def segmentation(said: Mapping[str, Any]) -> Segmentation:
    return Segmentation(
        person=said["person"],
        studies=tuple(UID(uid) for uid in said["studies"] if is_uid(uid)),
        references=frozenset(UID(uid) for uid in said["references"] if is_uid(uid)),
        segments=tuple(Segment(**one) for one in said["segments"]),
    )


def marks(reply: Reply) -> Marks:
    """Raises Unreadable for planes that are longer than they say."""
    grid = _grid(reply.head["grid"])
    frames, at = [], 0
    for segment, image, at_mm, size in reply.head["planes"]:
        pixels = _bits(bytes(reply.body[at : at + size]))
        frames.append(Frame(segment=segment, image=image, at_mm=at_mm, pixels=pixels))
        at += size
    return Marks(grid=grid, frames=tuple(frames))


def grid_told(grid: Grid) -> Mapping[str, Any]:
    """A grid as the child is told it."""
    names = ("rows", "columns", "orientation", "spacing_mm", "step_mm", "frame_of_reference", "origin_mm", "line")
    return {name: getattr(grid, name) for name in names}


def _grid(said: Mapping[str, Any]) -> Grid:
    ways = said["orientation"]
    return Grid(
        rows=said["rows"],
        columns=said["columns"],
        orientation=(_vector(ways[0]), _vector(ways[1])) if ways else None,
        spacing_mm=(said["spacing_mm"][0], said["spacing_mm"][1]) if said["spacing_mm"] else None,
        step_mm=said["step_mm"],
        frame_of_reference=said["frame_of_reference"],
        origin_mm=_vector(said["origin_mm"]) if said["origin_mm"] else None,
        line=_vector(said["line"]) if said["line"] else None,
    )


def _vector(parts: list[float]) -> Vector:
    a, b, c = parts
    return a, b, c


def _bits(packed: bytes) -> int:
    most = 64 * 1024**2 // 8
    reader = zlib.decompressobj()
    plain = reader.decompress(packed, most)
    if reader.unconsumed_tail:
        raise Unreadable("A plane of it is larger than its rows and columns say.")
    return int.from_bytes(plain, "big")
