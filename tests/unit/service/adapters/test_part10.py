"""Headers are read as pydicom reads them, and nothing that a sender makes up costs more than its bounds."""

from __future__ import annotations

import resource
import time
import unicodedata
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    KeyObjectSelectionDocumentStorage,
    RLELossless,
)

from service.adapters.part10 import Part10Headers
from service.adapters.part10_scan import RawHeader, Scan, scan
from service.adapters.part10_window import Odd, Window, skip_meta
from service.domain.errors import Unreadable
from service.domain.rejection import Reason, Rejection
from service.domain.study import ROUTING_KEYWORDS
from tests.support.instances import BEFORE, HEADER, explicit, file_of, hostile, instance, part10, text, uid

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
HOSTILE = hostile()


@pytest.fixture(scope="module")
def headers() -> Iterator[Part10Headers]:
    found = Part10Headers(children=1)
    yield found
    found.close()


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_every_encoding_says_the_same(headers: Part10Headers, syntax: str) -> None:
    requested, other, equipment = Dataset(), Dataset(), Dataset()
    requested.AccessionNumber, requested.RequestedProcedureID = "A1", "P1"
    requested.ReasonForTheRequestedProcedure = "Hüsteln"
    other.PatientID, other.IssuerOfPatientID = "0815", "Élsewhere"
    equipment.DeviceUID = "1.2.3.99"
    made = instance(
        RequestAttributesSequence=[requested],
        OtherPatientIDsSequence=[other],
        ContributingEquipmentSequence=[equipment],
        ImageType=["ORIGINAL", "PRIMARY"],
        NumberOfFrames=3,
    )
    header = headers.read(BytesIO(part10(made, syntax)))
    assert header.instance.transfer_syntax_uid == syntax
    assert header.instance.sop_instance_uid == made.SOPInstanceUID
    assert header.instance.attributes["Rows"] == "8"
    assert header.instance.attributes["ReasonForTheRequestedProcedure"] == "Hüsteln"
    assert header.instance.attributes["ImageType"] == "ORIGINAL\\PRIMARY"
    assert header.instance.attributes["DeviceUID"] == "1.2.3.99"
    assert header.instance.frames == 3
    assert header.identity.patient.name == "Müller^Anna"
    assert header.identity.other_patient_ids == (("0815", "Élsewhere"),)
    assert header.identity.requests == (("A1", "P1"),)


def test_an_object_without_file_meta_is_read_in_the_child(headers: Part10Headers) -> None:
    whole = part10(instance(), ImplicitVRLittleEndian)
    bare = whole[whole.index(b"\x08\x00\x05\x00") :]
    header = headers.read(BytesIO(bare))
    assert header.instance.transfer_syntax_uid == ImplicitVRLittleEndian
    assert header.identity.patient.patient_id == "4711"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(200), b"# preread\n\nnot DICOM\n" * 20, b"PK\x03\x04" + bytes(range(256)) * 4],
    ids=["empty", "PNG", "text", "ZIP"],
)
def test_what_is_no_dicom_is_told_so(headers: Part10Headers, content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^It is no DICOM object\.$"):
        headers.read(BytesIO(content))


def test_a_sequence_of_undefined_length_and_unknown_vr_is_read_as_implicit() -> None:
    inner = b"\x10\x00\x20\x00" + (4).to_bytes(4, "little") + b"0815"
    item = b"\xfe\xff\x00\xe0" + (len(inner)).to_bytes(4, "little") + inner
    sequence = explicit(0x00101002, "UN", item + b"\xfe\xff\xdd\xe0" + bytes(4), 0xFFFFFFFF)
    raw = scan(BytesIO(file_of(BEFORE + sequence)))
    assert raw.items[0x00101002] == [{0x00100020: b"0815"}]


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_missing_uid_is_named(headers: Part10Headers, keyword: str) -> None:
    written = part10(instance(**{keyword: ""}))
    with pytest.raises(Unreadable, match="UID is missing"):
        headers.read(BytesIO(written))


@pytest.mark.parametrize("wrong", ["../../etc/passwd", "1.2.3\n4", "1" * 65, "1.2.Ä", "1..2", "one"])
def test_a_uid_that_is_none_is_unreadable(headers: Part10Headers, wrong: str) -> None:
    broken = HEADER.replace(text(0x00080018, "UI", "1.2.3.4"), text(0x00080018, "UI", wrong))
    with pytest.raises(Unreadable, match="not a UID"):
        headers.read(BytesIO(file_of(broken)))


def test_text_has_no_control_characters_and_is_composed(headers: Part10Headers) -> None:
    made = instance(SpecificCharacterSet="ISO_IR 192", PatientName="A\u0308rger\x07^\x1b[31mX", PatientID="47\n11")
    patient = headers.read(BytesIO(part10(made))).identity.patient
    assert patient.name == "Ärger^[31mX"
    assert patient.patient_id == "4711"


def test_bytes_outside_the_character_set_are_replaced(headers: Part10Headers) -> None:
    broken = text(0x00080005, "CS", "ISO_IR 192") + HEADER.replace(b"4711", b"4\xff\xfe1")
    assert headers.read(BytesIO(file_of(broken))).identity.patient.patient_id == "4\ufffd\ufffd1"


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_object_is_unreadable_within_bounds(headers: Part10Headers, what: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with pytest.raises(Unreadable):
        headers.read(BytesIO(HOSTILE[what]))
    assert time.monotonic() - started < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_good_object_is_read_after_a_hostile_one(headers: Part10Headers) -> None:
    for bad in ("a deflate bomb of 2 GB", "deflated garbage", "nothing"):
        with pytest.raises(Unreadable):
            headers.read(BytesIO(HOSTILE[bad]))
    good = headers.read(BytesIO(part10(instance(), DeflatedExplicitVRLittleEndian)))
    assert good.identity.patient.patient_id == "4711"


@settings(max_examples=120)
@given(garbage=st.binary(max_size=400), at=st.integers(0, 400))
def test_garbage_is_a_header_or_unreadable(headers: Part10Headers, garbage: bytes, at: int) -> None:
    good = file_of(HEADER)
    for candidate in (good[: 300 + at] + garbage, good[:at] + garbage + good[at + len(garbage) :]):
        try:
            headers.read(BytesIO(candidate))
        except Unreadable:
            continue


def test_the_same_pixels_under_another_header_are_the_same(headers: Part10Headers) -> None:
    one, other = part10(instance()), part10(instance(PatientName="Other"))
    assert headers.same_pixels(BytesIO(one), BytesIO(other))
    different = part10(instance(PixelData=bytes(128)))
    assert not headers.same_pixels(BytesIO(one), BytesIO(different))


def test_objects_without_pixels_have_the_same(headers: Part10Headers) -> None:
    one, other = (part10(instance(PixelData=None, PatientName=name)) for name in ("A", "B"))
    assert headers.same_pixels(BytesIO(one), BytesIO(other))
    assert not headers.same_pixels(BytesIO(one), BytesIO(part10(instance())))


def test_implicit_and_deflated_pixels_compare(headers: Part10Headers) -> None:
    plain, implicit, deflated = (part10(instance(), syntax) for syntax in (SYNTAXES[0], SYNTAXES[1], SYNTAXES[3]))
    assert headers.same_pixels(BytesIO(plain), BytesIO(implicit))
    assert headers.same_pixels(BytesIO(plain), BytesIO(deflated))


def test_a_lossless_recompression_has_the_same_pixels_and_a_lossy_one_has_not(headers: Part10Headers) -> None:
    ramp = b"".join(value.to_bytes(2, "little") for value in range(64 * 64))
    plain = part10(instance(Rows=64, Columns=64, PixelData=ramp))
    other = part10(instance(Rows=64, Columns=64, PixelData=ramp[2:] + ramp[:2]))
    for syntax, options in ((RLELossless, {}), (JPEG2000Lossless, {}), (JPEG2000, {"j2k_cr": [20]})):
        squeezed = dcmread(BytesIO(plain))
        squeezed.compress(syntax, **options)
        compressed = part10(squeezed, syntax)
        assert headers.same_pixels(BytesIO(plain), BytesIO(compressed)) is (syntax != JPEG2000)
        assert not headers.same_pixels(BytesIO(other), BytesIO(compressed))


# --- against pydicom, on real files ----------------------------------------------------------------------------


def normal(value: object) -> str:
    """A pydicom value as the index writes it."""
    values = value if isinstance(value, MultiValue | list) else [value]
    texts = [unicodedata.normalize("NFC", str(one).replace("\x1b$)A", "")) for one in values if one is not None]
    return "\\".join("".join(c for c in text if c.isprintable()).strip() for text in texts)


OF_ITEMS = {"DeviceUID", "ReasonForTheRequestedProcedure"}
"""Attributes that are also read from the items of sequences."""


def test_real_files_say_what_pydicom_reads(headers: Part10Headers, test_data: Path) -> None:
    compared = 0
    for path in sorted(test_data.rglob("*.dcm")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = dcmread(path, force=True, stop_before_pixels=True)
                with path.open("rb") as file:
                    ours = headers.read(file)
            except (Unreadable, OSError, AttributeError):
                continue
            wanted = {
                keyword: normal(theirs.get(keyword))
                for keyword in ROUTING_KEYWORDS
                if keyword not in OF_ITEMS and normal(theirs.get(keyword))
            }
            found = {k: v for k, v in ours.instance.attributes.items() if k in wanted or k not in OF_ITEMS}
            assert found == wanted, path
            patient = ours.identity.patient
            assert patient.name == normal(theirs.get("PatientName")), path
            assert patient.patient_id == normal(theirs.get("PatientID")), path
            assert ours.identity.accession_number == normal(theirs.get("AccessionNumber")), path
            assert ours.identity.study_description == normal(theirs.get("StudyDescription")), path
            assert ours.instance.study_instance_uid == theirs.StudyInstanceUID, path
        compared += 1
    assert compared >= 60


def a_note(title: str, *studies: Dataset) -> bytes:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = title, "DCM", "title"
    return part10(
        instance(
            "note", SOPClassUID=KeyObjectSelectionDocumentStorage, ConceptNameCodeSequence=[concept],
            CurrentRequestedProcedureEvidenceSequence=list(studies), PixelData=None,
        )
    )  # fmt: skip


def evidence(study: str, *instances: str) -> Dataset:
    found, series = Dataset(), Dataset()
    found.StudyInstanceUID, found.ReferencedSeriesSequence = study, [series]
    series.SeriesInstanceUID, series.ReferencedSOPSequence = uid("series"), []
    for name in instances:
        item = Dataset()
        item.ReferencedSOPInstanceUID = name
        series.ReferencedSOPSequence.append(item)
    return found


def test_a_rejection_note_names_its_reason_and_the_instances_of_its_own_study(headers: Part10Headers) -> None:
    note = a_note("113037", evidence(uid("study"), "1.2.3", "1.2.4"), evidence("1.2.9", "1.2.5"))
    found = headers.rejection(BytesIO(note))
    assert found == Rejection(reason=Reason.SAFETY, instances=(UID("1.2.3"), UID("1.2.4")))


def test_a_selection_of_another_title_rejects_nothing(headers: Part10Headers) -> None:
    assert headers.rejection(BytesIO(a_note("113000", evidence(uid("study"), "1.2.3")))) is None
    assert headers.rejection(BytesIO(part10(instance()))) is None


class OneByOne(Scan):
    """The walk without its short cut."""

    def _plain(self, stop: int) -> int:
        return 0


@given(
    name=st.sampled_from(("CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "rtplan.dcm", "JPEG2000.dcm")),
    changes=st.lists(st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=4)), max_size=3),
    cut=st.integers(0, 500),
)
def test_the_short_cut_over_plain_elements_sees_what_the_walk_sees(
    name: str, changes: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(Path(str(get_testdata_file(name))).read_bytes())
    start = 132 + 12 + int.from_bytes(data[140:144], "little")
    for at, new in changes:
        data[start + at : start + at + len(new)] = new[: max(0, len(data) - start - at)]
    seen = []
    for walk in (Scan, OneByOne):
        window = Window(BytesIO(bytes(data[: len(data) - cut])))
        header = RawHeader("")
        try:
            header.transfer_syntax = skip_meta(window)
            ended = walk(window, header).until(0x7FE00010, implicit=header.transfer_syntax == ImplicitVRLittleEndian)
        except (Odd, Unreadable) as error:
            seen.append((header.values, header.items, repr(error)))
        else:
            seen.append((header.values, header.items, f"{ended} at {window.position}"))
    assert seen[0] == seen[1]
