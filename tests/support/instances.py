"""Synthetic DICOM instances: small, valid, and as strange as a test wants them."""

from __future__ import annotations

import zlib
from functools import cache
from io import BytesIO
from struct import pack
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from service.domain.uids import derive_uid


def uid(*parts: str | int) -> UID:
    """A UID that is the same for the same parts."""
    return derive_uid("test", *parts)


def instance(name: str = "one", **attributes: Any) -> Dataset:
    """A CT slice of 8 x 8 pixels; `name` makes its SOP Instance UID, attributes by keyword win over ours."""
    dataset = Dataset()
    ours: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid("instance", name),
        "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("series"),
        "Modality": "CT",
        "PatientName": "Müller^Anna",
        "PatientID": "4711",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "AccessionNumber": "A1",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "InstanceNumber": 1,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": bytes(range(128)),
    }
    for keyword, value in (ours | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def part10(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """`dataset` in the DICOM file format."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3"
    dataset.file_meta = meta
    written = BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


# --- by hand, for what no writer writes ---------------------------------------------------------------------


def explicit(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One explicit VR little endian element; `length` may lie."""
    size = len(value) if length is None else length
    head = pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in {"OB", "OW", "SQ", "UN", "UT", "OF", "UC"}:
        return head + pack("<HI", 0, size) + value
    return head + pack("<H", size & 0xFFFF) + value


def text(tag: int, vr: str, value: str) -> bytes:
    """An explicit VR element of padded ASCII text."""
    raw = value.encode()
    return explicit(tag, vr, raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2))


def file_of(dataset: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Preamble and file meta before an encoded dataset."""
    meta = explicit(0x00020001, "OB", b"\0\1") + text(0x00020002, "UI", CTImageStorage)
    meta += text(0x00020003, "UI", "1.2.3") + text(0x00020010, "UI", syntax)
    return bytes(128) + b"DICM" + explicit(0x00020000, "UL", pack("<I", len(meta))) + meta + dataset


HEADER = (
    text(0x00080016, "UI", CTImageStorage)
    + text(0x00080018, "UI", "1.2.3.4")
    + text(0x00080060, "CS", "CT")
    + text(0x00100020, "LO", "4711")
    + text(0x0020000D, "UI", "1.2.3.1")
    + text(0x0020000E, "UI", "1.2.3.2")
)
"""What an object must say to be indexed, explicit VR little endian."""

BEFORE = HEADER[: HEADER.index(text(0x00100020, "LO", "4711"))]
"""The part of HEADER below the patient's group."""
AFTER = HEADER[len(BEFORE) :]
_UNDEFINED = 0xFFFFFFFF


@cache
def hostile() -> dict[str, bytes]:
    """Objects that were made to hurt a parser, by what they try."""
    sequence, item = explicit(0x00081140, "SQ", b"", _UNDEFINED), pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED)
    empty_items = pack("<HHI", 0xFFFE, 0xE000, 0) * 300_000
    many = b"".join(explicit(0x00090000 | (n & 0xFFF0) | 0x10, "LO", b"") for n in range(0, 3_000_000, 16))
    return {
        "nested 5000 deep": file_of(BEFORE + (sequence + item) * 5000),
        "300 000 empty items": file_of(
            BEFORE + explicit(0x00081140, "SQ", b"", _UNDEFINED) + empty_items + pack("<HHI", 0xFFFE, 0xE0DD, 0) + AFTER
        ),
        "187 500 elements": file_of(BEFORE + many + AFTER),
        "a value of 4 GB": file_of(BEFORE + explicit(0x00091010, "UN", b"x", 0xFFFFFFF0) + AFTER),
        "a wanted value of 4 GB": file_of(BEFORE + explicit(0x00100010, "UT", b"x", 0xFFFFFFF0)),
        "a sequence longer than the object": file_of(BEFORE + explicit(0x00101002, "SQ", bytes(8), 10_000)),
        "an item longer than its sequence": file_of(
            BEFORE + explicit(0x00101002, "SQ", pack("<HHI", 0xFFFE, 0xE000, 500) + bytes(100), 108) + bytes(1000)
        ),
        "a sequence that never ends": file_of(BEFORE + explicit(0x00101002, "SQ", b"", _UNDEFINED)),
        "file meta of 4 GB": bytes(128) + b"DICM" + explicit(0x00020001, "OB", b"", 0xFFFFFFF0),
        "a delimiter out of place": file_of(BEFORE + pack("<HHI", 0xFFFE, 0xE00D, 0) + AFTER),
        "a deflate bomb of 2 GB": file_of(_deflate_bomb(), DeflatedExplicitVRLittleEndian),
        "deflated garbage": file_of(b"\xff" * 1000, DeflatedExplicitVRLittleEndian),
        "nested 5000 deep, deflated": file_of(
            _deflated(BEFORE + (sequence + item) * 5000), DeflatedExplicitVRLittleEndian
        ),
        "nothing": b"",
        "one byte": b"D",
        "text": b"From: somebody\r\n" * 100,
    }


def _deflated(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


def _deflate_bomb() -> bytes:
    """Blocks that end with a full flush know nothing of each other: one of them can be repeated."""
    squeeze = zlib.compressobj(9, wbits=-15)
    head = squeeze.compress(BEFORE + explicit(0x00091010, "UN", b"", 2 * 1024**3 - 16))
    head += squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(bytes(16 * 1024**2)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return head + block * 127 + squeeze.flush()
