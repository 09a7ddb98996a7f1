"""Scan a little endian Part 10 stream for the elements that are indexed, within bounds (PS3.5 7, PS3.10 7).

Iterative, so that no nesting exhausts the stack; no Dataset is built; nothing after the last indexed element is
looked at. What this scanner does not speak raises Odd and goes to pydicom in the bounded child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from struct import Struct
from typing import BinaryIO, NoReturn

from pydicom.datadict import tag_for_keyword
from pydicom.uid import ImplicitVRLittleEndian

from service.adapters.part10_window import LONG, MAX_VALUE, ODD_SYNTAXES, SHORT, Odd, Window, explicit_header, skip_meta
from service.domain.errors import Unreadable
from service.domain.study import ROUTING_KEYWORDS

MAX_ELEMENTS = 100_000
MAX_DEPTH = 128
"""Sequences and items that are open at once: 64 levels of nesting."""
MAX_ITEMS = 256
"""Items of one sequence that are indexed; further ones are skipped."""

UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TAG, _LENGTH, _HEAD = Struct("<HH").unpack_from, Struct("<I").unpack_from, Struct("<HH2sH").unpack_from
_LONGEST_HEAD = 12


@cache
def tag_of(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag


IDENTITY_KEYWORDS = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "TimezoneOffsetFromUTC", "PatientName", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "StudyInstanceUID", "SeriesInstanceUID", "StudyID", "InstanceAvailability",
)  # fmt: skip
WANTED = frozenset(tag_of(keyword) for keyword in (*ROUTING_KEYWORDS, *IDENTITY_KEYWORDS))
WANTED_ITEMS: Mapping[int, frozenset[int]] = {
    tag_of(sequence): frozenset(tag_of(keyword) for keyword in ("SpecificCharacterSet", *keywords))
    for sequence, keywords in {
        "IssuerOfAccessionNumberSequence": ("LocalNamespaceEntityID", "UniversalEntityID"),
        "OtherPatientIDsSequence": ("PatientID", "IssuerOfPatientID"),
        "ContributingEquipmentSequence": ("DeviceUID",),
        "RequestAttributesSequence": ("AccessionNumber", "RequestedProcedureID", "ReasonForTheRequestedProcedure"),
    }.items()
}
_LAST = max(WANTED | set(WANTED_ITEMS))

Values = dict[int, bytes]


class TooMany(Unreadable):
    """More elements than are looked at in a process that must live."""


@dataclass(slots=True)
class RawHeader:
    """Undecoded values by tag, and those of the items of the wanted sequences, little endian."""

    transfer_syntax: str
    values: Values = field(default_factory=dict)
    items: dict[int, list[Values]] = field(default_factory=dict)


@dataclass(slots=True)
class _Level:
    """An open sequence or item; `end` is its offset in the stream, or -1 until its delimiter comes."""

    sequence: bool
    end: int
    implicit: bool
    fragments: bool = False
    wanted: frozenset[int] = frozenset()
    items: list[Values] | None = None
    values: Values | None = None


def scan(stream: BinaryIO) -> RawHeader:
    """Index a Part 10 stream. Raises Odd for other encodings, Unreadable beyond the bounds or for broken ones."""
    window = Window(stream)
    syntax = skip_meta(window)
    if syntax in ODD_SYNTAXES:
        raise Odd(syntax)
    return _scan(window, syntax)


def scan_dataset(stream: BinaryIO, transfer_syntax: str) -> RawHeader:
    """Index a dataset without file meta; raises as `scan` does."""
    return _scan(Window(stream), transfer_syntax)


def _scan(window: Window, syntax: str) -> RawHeader:
    header = RawHeader(syntax)
    Scan(window, header).until(_LAST + 1, implicit=syntax == ImplicitVRLittleEndian)
    return header


class Scan:
    """One walk over a dataset with a stack of open sequences and items; what is wanted goes into `header`."""

    def __init__(self, window: Window, header: RawHeader) -> None:
        self._window = window
        self._header = header
        self._open: list[_Level] = []

    def until(self, stop: int, *, implicit: bool) -> bool:
        """Walk to the first element with a tag of at least `stop`; false if the dataset ends before."""
        window, left = self._window, MAX_ELEMENTS
        while left > 0:
            if not implicit and not self._open:
                left -= self._plain(stop)
            left -= 1
            self._close_ended()
            if not self._open and window.position >= window.size:
                return False
            buffer, offset = window.at(8)
            group, element = _TAG(buffer, offset)
            tag = group << 16 | element
            if group == 0xFFFE:
                self._delimiter(tag, _LENGTH(buffer, offset + 4)[0])
            elif not self._open and tag >= stop:
                return True
            else:
                self._element(tag, implicit=self._open[-1].implicit if self._open else implicit)
        raise TooMany(f"The header has more than {MAX_ELEMENTS} elements.")

    def _plain(self, stop: int) -> int:
        """Pass what most headers are made of, explicit VR without a sequence, and return how many elements that were;
        the first that is anything else, or does not end in the window, is left to `until`."""
        window, values = self._window, self._header.values
        if window.position + _LONGEST_HEAD > window.size:
            return 0
        buffer, offset = window.at(_LONGEST_HEAD)
        begin, last, passed = window.position - offset, len(buffer) - _LONGEST_HEAD, 0
        while offset <= last:
            group, element, vr, length = _HEAD(buffer, offset)
            tag = group << 16 | element
            if tag >= stop or group == 0xFFFE:
                break
            if vr in SHORT:
                value = offset + 8
            elif vr in LONG and vr != b"SQ":
                value, length = offset + 12, _LENGTH(buffer, offset + 8)[0]
            else:
                break
            end = value + length
            if tag in WANTED:
                if end > len(buffer) or length > MAX_VALUE:
                    break
                values[tag] = buffer[value:end]
            elif length == UNDEFINED or begin + end > window.size:
                break
            offset, passed = end, passed + 1
        window.position = begin + offset
        return passed

    def _close_ended(self) -> None:
        while self._open and self._open[-1].end >= 0 and self._window.position >= self._open[-1].end:
            if self._window.position > self._open.pop().end:
                _refuse("An element runs past the end of its item.")

    def _delimiter(self, tag: int, length: int) -> None:
        self._window.position += 8
        top = self._open[-1] if self._open else None
        if tag == _ITEM and top and top.sequence:
            self._item(top, length)
        elif (
            top and top.end < 0 and ((tag == _SEQUENCE_END and top.sequence) or (tag == _ITEM_END and not top.sequence))
        ):
            self._open.pop()
        elif tag != _SEQUENCE_END or self._open:
            _refuse("An item or its delimiter stands where none belongs.")

    def _item(self, sequence: _Level, length: int) -> None:
        if sequence.fragments:
            self._skip(length)
            return
        values: Values | None = None
        if sequence.items is not None and len(sequence.items) < MAX_ITEMS:
            values = {}
            sequence.items.append(values)
        self._push(_Level(False, self._end(length), sequence.implicit, wanted=sequence.wanted, values=values))

    def _element(self, tag: int, *, implicit: bool) -> None:
        if self._open and self._open[-1].sequence:
            _refuse("A sequence holds something else than items.")
        window = self._window
        if implicit:
            buffer, offset = window.at(8)
            vr, length, size = b"", _LENGTH(buffer, offset + 4)[0], 8
        else:
            vr, length, size = explicit_header(window)
        window.position += size
        if length == UNDEFINED or (tag in WANTED_ITEMS and not self._open and vr in {b"SQ", b""}):
            self._begin(tag, vr, length, implicit=implicit)
        else:
            self._value(tag, length)

    def _begin(self, tag: int, vr: bytes, length: int, *, implicit: bool) -> None:
        level = _Level(True, self._end(length), implicit or vr == b"UN", fragments=vr in {b"OB", b"OW"})
        if not self._open and tag in WANTED_ITEMS:
            level.wanted = WANTED_ITEMS[tag]
            level.items = self._header.items.setdefault(tag, [])
        self._push(level)

    def _value(self, tag: int, length: int) -> None:
        top = self._open[-1] if self._open else None
        into = top.values if top else self._header.values
        if into is None or tag not in (top.wanted if top else WANTED):
            self._skip(length)
            return
        self._end(length)
        into[tag] = self._window.value(length)

    def _skip(self, length: int) -> None:
        self._window.position = self._end(length)

    def _end(self, length: int) -> int:
        """Where a value of `length` at the position ends; -1 if only its delimiter says."""
        if length == UNDEFINED:
            return -1
        end = self._window.position + length
        if end > self._window.size:
            _refuse("An element is longer than the object.")
        return end

    def _push(self, level: _Level) -> None:
        if len(self._open) >= MAX_DEPTH:
            _refuse(f"Sequences are nested deeper than {MAX_DEPTH // 2} levels.")
        self._open.append(level)


def _refuse(why: str) -> NoReturn:
    raise Unreadable(why)
