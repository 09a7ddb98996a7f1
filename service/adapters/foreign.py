"""Foreign objects read by pydicom; runs in the bounded child only, so it may be slow, greedy or crash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from service.adapters.part10_scan import MAX_ITEMS, WANTED, WANTED_ITEMS
from service.adapters.part10_window import MAX_VALUE
from service.domain.errors import Unreadable

MAX_REJECTED = 20_000
"""Instances of one note that are looked at."""
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def header_of(file: BinaryIO) -> Mapping[str, Any]:
    """Values in hexadecimal by tag, as `part10_scan.RawHeader` has them."""
    dataset = _read(file, stop_before_pixels=True, specific_tags=[*WANTED, *WANTED_ITEMS])
    syntax = dataset.file_meta.get("TransferSyntaxUID") or _guess(dataset)
    big = syntax == ExplicitVRBigEndian
    items = {}
    for tag, wanted in WANTED_ITEMS.items():
        if tag in dataset and isinstance(dataset[tag].value, Sequence):
            found = cast(list[Dataset], list(dataset[tag].value)[:MAX_ITEMS])
            items[str(tag)] = [_values(item, wanted, big=big) for item in found]
    return {"syntax": str(syntax), "values": _values(dataset, WANTED, big=big), "items": items}


def rejection_of(file: BinaryIO) -> Mapping[str, Any]:
    """Title and, of its own study, the instances of a Key Object Selection (PS3.3 C.17.6.2)."""
    dataset = _read(file, stop_before_pixels=True)
    titles = dataset.get("ConceptNameCodeSequence") or [Dataset()]
    instances = [
        str(instance.ReferencedSOPInstanceUID)
        for study in dataset.get("CurrentRequestedProcedureEvidenceSequence") or ()
        if study.get("StudyInstanceUID") == dataset.get("StudyInstanceUID")
        for series in study.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedSOPSequence") or ()
        if "ReferencedSOPInstanceUID" in instance
    ]
    title, scheme = (str(titles[0].get(name, "")) for name in ("CodeValue", "CodingSchemeDesignator"))
    return {"title": title, "scheme": scheme, "instances": instances[:MAX_REJECTED]}


def digest_of_pixels(file: BinaryIO) -> Mapping[str, Any]:
    """SHA-256 of the Pixel Data element's value; empty without one."""
    dataset = _read(file)
    for tag in _PIXELS:
        if tag in dataset:
            value = _bytes(dataset.get_item(tag))
            return {"digest": hashlib.sha256(value).hexdigest()}
    return {"digest": ""}


def _read(file: BinaryIO, **how: Any) -> Dataset:
    try:
        return dcmread(file, force=True, **how)
    except InvalidDicomError as error:
        raise Unreadable("The object is not DICOM.") from error


def _guess(dataset: Dataset) -> str:
    """The encoding that pydicom found where there is no file meta (PS3.10 7.1 wants one)."""
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _values(dataset: Dataset, wanted: frozenset[int], *, big: bool) -> dict[str, str]:
    found = {}
    for tag in wanted:
        element = dataset.get_item(tag) if tag in dataset else None
        if element is None or element.VR == "SQ":
            continue
        value = _bytes(element)[:MAX_VALUE]
        if big and element.VR == "US":
            value = b"".join(value[at : at + 2][::-1] for at in range(0, len(value), 2))
        found[str(tag)] = value.hex()
    return found


def _bytes(element: DataElement | RawDataElement | None) -> bytes:
    value = element.value if element is not None else b""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return str(value if value is not None else "").encode()
