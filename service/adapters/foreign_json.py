"""Headers in the DICOM JSON model (PS3.18 Annex F), and the values that it leaves out. Runs in the bounded child."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian

from service.adapters.foreign_pixels import PIXELS
from service.adapters.foreign_sent import described, native_frame, turned
from service.adapters.presentation import number
from service.domain.errors import Unreadable, Unsupported

MOST_INLINE = 1024
"""Bytes of a binary value that stand in the answer itself."""
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_PATH = re.compile(r"[0-9A-F]{8}(/[0-9]{1,6}/[0-9A-F]{8}){0,16}")
_AVAILABLE_SYNTAX = "00083002"
_NUMBERS = frozenset(("DS", "FD", "FL"))


def metadata(file: BinaryIO, base: str) -> bytes:
    """The header as JSON; binary values above MOST_INLINE, and pixel data, as addresses below `base`."""
    dataset = _opened(file)
    described(dataset)
    found = dict(_elements(dataset, base))
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    found[_AVAILABLE_SYNTAX] = {"vr": "UI", "Value": [syntax]} if syntax else {"vr": "UI"}
    if number(dataset, "Rows"):
        found["7FE00010"] = {"vr": "OW", "BulkDataURI": f"{base}/7FE00010"}
    return json.dumps(dict(sorted(found.items())), allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")


def bulk_data(file: BinaryIO, path: str) -> bytes:
    """The little endian value at `path`: a tag, or tag/item/tag for a value within a sequence, items from 0."""
    if not _PATH.fullmatch(path):
        raise Unsupported("There is no value at this address.")
    if int(path[:8], 16) in PIXELS:
        return _all_frames(file)
    at: Any = _opened(file)
    for step in path.split("/"):
        at = _step(at, step)
    if not isinstance(at, bytes):
        raise Unsupported("The value at this address is part of the metadata.")
    return at


def _opened(file: BinaryIO) -> Dataset:
    file.seek(0)
    dataset = dcmread(file, force=True, stop_before_pixels=True)
    return turned(dataset) if dataset.file_meta.get("TransferSyntaxUID") == ExplicitVRBigEndian else dataset


def _all_frames(file: BinaryIO) -> bytes:
    file.seek(0)
    header = dcmread(file, force=True, stop_before_pixels=True)
    frames = int(number(header, "NumberOfFrames") or 1)
    return b"".join(native_frame(file, header, frame) for frame in range(1, frames + 1))


def _step(at: Any, step: str) -> Any:
    """One step of a path: an element's value in a dataset, an item in a sequence."""
    if isinstance(at, Dataset):
        tag = Tag(int(step, 16))
        if tag not in at:
            raise Unsupported("There is no value at this address.")
        return at[tag].value
    try:
        return at[int(step)]
    except (IndexError, TypeError, ValueError):
        raise Unsupported("There is no value at this address.") from None


def _elements(dataset: Dataset, base: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every element that can be told; one whose value breaks its own VR is told without it."""
    for tag in dataset.keys():  # noqa: SIM118 - a dataset's own iteration gives elements, and stops at a broken one
        key = f"{tag:08X}"
        if tag.element == 0 or tag.group < 0x0008 or tag.group == 0x7FE0:
            continue
        try:
            yield key, _told(dataset[tag], f"{base}/{key}")
        except Unreadable:
            raise
        except Exception:  # the boundary to pydicom's parsers of foreign values
            yield key, {"vr": "UN"}


def _told(element: DataElement, address: str) -> dict[str, Any]:
    if element.VR == "SQ":
        items = [dict(_elements(item, f"{address}/{at}")) for at, item in enumerate(element.value)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if element.VR in _BINARY and len(element.value or b"") > MOST_INLINE:
        return {"vr": element.VR, "BulkDataURI": address}
    told = element.to_json_dict(None, MOST_INLINE)
    if element.VR in _NUMBERS and "Value" in told:
        told["Value"] = [_number(value) for value in told["Value"]]
    return told


def _number(value: Any) -> Any:
    """JSON has no word for what is not finite; PS3.18 F.2.5 writes it as text."""
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
