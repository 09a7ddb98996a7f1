"""A rejection note as others read it: the title, and every object it withdraws."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from highdicom.ko import KeyObjectSelectionDocument
from pydicom import dcmread
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)

from dicom_nodes.objects.rejection_note import RejectionNotes
from dicom_nodes.objects.structure import complaints
from service.domain.rejection import Issued, Reason
from service.ports.notes import Rejected
from service.settings import Site
from tests.support import validators
from tests.support.reports import AN_IDENTITY, a_report

CLASSES = (BasicTextSRStorage, Comprehensive3DSRStorage, EncapsulatedPDFStorage, SecondaryCaptureImageStorage)
SENT = tuple(Issued(each, UID(f"2.25.10{n}"), UID(f"2.25.20{n}")) for n, each in enumerate(CLASSES))


def a_note(reason: Reason = Reason.SAFETY) -> bytes:
    return RejectionNotes(Site(institution="Test"), UID("2.25.99")).write(
        Rejected(
            report=a_report(),
            identity=AN_IDENTITY,
            study_instance_uid=UID("2.25.1"),
            series_instance_uid=UID("2.25.2"),
            sop_instance_uid=UID("2.25.3"),
            reason=reason,
            instances=SENT,
            created_at=datetime(2026, 3, 4, tzinfo=UTC),
        )
    )


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.told])
def test_a_note_passes_every_validator(reason: Reason, tmp_path: Path) -> None:
    path = tmp_path / "note.dcm"
    path.write_bytes(a_note(reason))
    assert complaints(path.read_bytes()) == ()
    assert validators.dciodvfy_errors(path) == []
    assert reason.words in validators.dsrdump(path)


@pytest.mark.slow
def test_pixelmed_finds_no_error(tmp_path: Path) -> None:
    path = tmp_path / "note.dcm"
    path.write_bytes(a_note())
    assert validators.pixelmed_errors(path) == []


def test_another_library_reads_the_title_and_what_is_withdrawn() -> None:
    document = KeyObjectSelectionDocument.from_dataset(dcmread(BytesIO(a_note())))
    title = document.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113037", "DCM")
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    named = [
        item.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    selected = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in document.ContentSequence
        if item.ValueType in {"IMAGE", "COMPOSITE"}
    ]
    assert sorted(named) == sorted(selected) == sorted(one.sop_instance_uid for one in SENT)


def test_equal_input_gives_equal_bytes() -> None:
    assert a_note() == a_note()
