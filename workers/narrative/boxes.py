"""Boxes as a model writes them: `[x0 y0 x1 y1]` in bins of the letterboxed square, to pixels of the source.

The engine fits an image into a square with its aspect ratio, centred (engine/folder.py, `letterbox`). The square has
BINS bins per axis whatever its size in pixels, so along the longer side a bin is max(rows, columns) / BINS source
pixels. The shorter side fills a whole number of bins, so there a bin is a little more or less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.domain.report import Region

BINS = 160
_NUMBER = r"(0|[1-9][0-9]{0,2})"
_FORM = re.compile(rf"\[{_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """Bins from 0; `right` and `bottom` are the last bins inside."""

    left: int
    top: int
    right: int
    bottom: int


def parse(text: str) -> Box | None:
    """The box in `text`; None for any other form, numbers out of range or reversed: no box, never a wrong one."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    left, top, right, bottom = (int(number) for number in found.groups())
    if right < left or bottom < top or max(right, bottom) >= BINS:
        return None
    return Box(left=left, top=top, right=right, bottom=bottom)


def region(box: Box, *, rows: int, columns: int) -> Region | None:
    """`box` in pixels of an image of `rows` x `columns`, cut at its edges; None if it lies in the padding."""
    pixels = max(rows, columns) / BINS
    left, right = _inside(box.left, box.right, columns, pixels)
    top, bottom = _inside(box.top, box.bottom, rows, pixels)
    if not (left < right and top < bottom):
        return None
    return Region(left=left, top=top, right=right, bottom=bottom)


def overlap(one: Region, other: Region) -> float:
    """Square pixels that both cover."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)


def area(one: Region | None) -> float:
    """Square pixels; 0 for none."""
    return overlap(one, one) if one else 0.0


def _inside(first: int, last: int, size: int, pixels: float) -> tuple[float, float]:
    """From the near edge of bin `first` to the far edge of bin `last`, along an axis of `size` pixels; along the longer
    axis `pixels` lie in a bin."""
    filled = max(1, round(size / pixels))
    padding = (BINS - filled) // 2
    near, far = (min(max((edge - padding) * size / filled, 0.0), float(size)) for edge in (first, last + 1))
    return near, far
