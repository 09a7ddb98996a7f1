"""What the measurement groups of a foreign structured report draw on images (TID 1410, 1501; PS3.3 C.18.6).

Runs in the bounded child only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

MAX_BOXES = 1000
MAX_POINTS = 10_000
_TRACKING_UID, _FINDING, _SITE = "112040", "121071", "363698007"
_CIRCLE = "CIRCLE"
_AREAS = frozenset({"POLYLINE", "MULTIPOINT", "ELLIPSE", _CIRCLE})


def boxes_of(groups: list[Dataset]) -> list[dict[str, Any]]:
    """The fields of `service.domain.returned.Box`, one for each outline on an image; a length is none."""
    found: list[dict[str, Any]] = []
    for group in groups:
        named = _named(group)
        for outline in _outlines(group, 0):
            box = _box(outline)
            if box and len(found) < MAX_BOXES:
                found.append({**named, **box})
    return found


def _named(group: Dataset) -> dict[str, str]:
    uid, finding, place = "", "", ""
    for item in group.get("ContentSequence") or ():
        concept = _code(item)
        if concept == _TRACKING_UID:
            uid = str(item.get("UID", ""))[:64]
        elif concept == _FINDING:
            finding = _meaning(item) or finding
        elif concept == _SITE:
            modified = [_meaning(each) for each in item.get("ContentSequence") or ()]
            place = " ".join(filter(None, (*modified, _meaning(item)))).lower()
    return {"uid": uid, "finding": finding[:64], "place": place[:200]}


def _outlines(above: Dataset, depth: int) -> Iterator[Dataset]:
    for item in above.get("ContentSequence") or ():
        if item.get("ValueType") == "SCOORD":
            yield item
        elif depth < 8:
            yield from _outlines(item, depth + 1)


def _box(outline: Dataset) -> dict[str, Any] | None:
    data = [float(part) for part in list(outline.get("GraphicData") or ())[: 2 * MAX_POINTS]]
    image, circle = _image(outline), outline.get("GraphicType") == _CIRCLE
    if outline.get("GraphicType") not in _AREAS or image is None or not all(map(math.isfinite, data)):
        return None
    across, down = data[::2], data[1::2]
    if len(across) != len(down) or len(across) < (2 if circle else 3):
        return None
    if circle:
        radius = math.hypot(across[1] - across[0], down[1] - down[0])
        across, down = [across[0] - radius, across[0] + radius], [down[0] - radius, down[0] + radius]
    return {**image, "region": {"left": min(across), "top": min(down), "right": max(across), "bottom": max(down)}}


def _image(outline: Dataset) -> dict[str, Any] | None:
    """The image it is SELECTED FROM, itself or by an item that names it."""
    for item in outline.get("ContentSequence") or ():
        for reference in item.get("ReferencedSOPSequence") or ():
            frame = reference.get("ReferencedFrameNumber")
            uid = str(reference.get("ReferencedSOPInstanceUID", ""))
            return {"image": uid[:64], "frame": frame if isinstance(frame, int) else 1}
    return None


def _code(item: Dataset) -> str:
    codes = item.get("ConceptNameCodeSequence")
    return str(codes[0].get("CodeValue", "")) if codes else ""


def _meaning(item: Dataset) -> str:
    codes = item.get("ConceptCodeSequence")
    return str(codes[0].get("CodeMeaning", "")) if codes else ""
