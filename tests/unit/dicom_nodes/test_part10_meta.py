"""File meta information that we write is what pydicom reads, and does not depend on who sent."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID
from dicom_nodes.part10 import file_meta, own_meta, skip_file_meta
from tests.support.instances import HEADER, explicit, file_of, instance, part10


def test_pydicom_reads_our_file_meta() -> None:
    meta = file_meta(
        sop_class_uid=CTImageStorage, sop_instance_uid="1.2.345", transfer_syntax_uid=ExplicitVRLittleEndian
    )
    read = dcmread(BytesIO(meta + HEADER))
    assert read.file_meta.MediaStorageSOPClassUID == CTImageStorage
    assert read.file_meta.MediaStorageSOPInstanceUID == "1.2.345"
    assert read.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert read.file_meta.FileMetaInformationGroupLength == len(meta) - 144
    assert read.PatientID == "4711"
    assert not any(meta[:128])


def test_the_dataset_is_found_behind_the_file_meta() -> None:
    meta = file_meta(sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid=ExplicitVRLittleEndian)
    stream = BytesIO(meta + HEADER)
    assert skip_file_meta(stream) == len(HEADER)
    assert stream.read() == HEADER


def test_a_sender_s_file_meta_is_replaced_by_ours_up_to_the_dataset() -> None:
    sent = part10(instance())
    made = own_meta(sent)
    assert made is not None
    kept = made.encoded + sent[made.replaces :]
    assert dcmread(BytesIO(kept)) == dcmread(BytesIO(sent))
    assert own_meta(kept) == replace(made, replaces=len(made.encoded))


def test_file_meta_without_a_preamble_is_as_good() -> None:
    sent = part10(instance())
    whole, bare = own_meta(sent), own_meta(sent[132:])
    assert whole is not None
    assert bare == replace(whole, replaces=whole.replaces - 132)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        bytes(200),
        HEADER,
        file_of(HEADER)[:230],
        file_of(b""),
        file_of(HEADER, "not a UID"),
        bytes(128) + b"DICM" + HEADER,
        bytes(128) + b"DICM" + explicit(0x00020002, "UI", b"1.2", 0xFFFF) + HEADER,
        bytes(128) + b"DICM" + explicit(0x00020001, "OB", b"12", 0xFFFFFFFF) + HEADER,
    ],
)
def test_file_meta_that_cannot_be_read_is_left_as_it_is(head: bytes) -> None:
    assert own_meta(head) is None
