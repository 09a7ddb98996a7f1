"""File meta information that we write is what pydicom reads, and does not depend on who sent."""

from __future__ import annotations

from io import BytesIO

from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.implementation import IMPLEMENTATION_CLASS_UID
from dicom_nodes.part10 import file_meta, skip_file_meta
from tests.support.instances import HEADER


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
