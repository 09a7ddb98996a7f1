"""What leaves, what is held, what is retracted: recalls, rejection notes and merges, with a real Orthanc."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from dicom_nodes.objects.rejection_note import RejectionNotes
from service.cli.fleet import environment, preread
from service.domain.code import UNKNOWN_PROCEDURE
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.job import JobState
from service.domain.rejection import Issued, Reason
from service.domain.report import Outcome, Report
from service.domain.study import Identity, Patient
from service.domain.uids import derive_uid
from service.ports.catalogue import StudyRecord
from service.ports.notes import Rejected
from service.settings import Site
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import NODES, Installation
from tests.support.phantoms import Phantom, dcmsend, phantoms
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PATIENT_NODES = NODES.replace("adopt_identity = true", "adopt_identity = false").replace(
    'quiet = "1s"', 'quiet = "3s"', 1
)
"""A destination that is not the truth about patients, and a sender whose studies wait long enough for a note."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    need_orthanc_and_dcmtk()
    with Installation(tmp_path_factory.mktemp("lifecycle"), nodes=PATIENT_NODES) as found:
        yield found


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phantom]:
    return iter(phantoms(tmp_path_factory.mktemp("phantoms"), seed=811, count=7))


def read(phantom: Phantom, house: Installation) -> StudyRecord:
    """Sent, read and delivered."""
    dcmsend([phantom.file], house)
    house.settle([phantom.study])
    return record_of(phantom, house)


def record_of(phantom: Phantom, house: Installation) -> StudyRecord:
    record = house.record(phantom.study)
    assert record is not None
    return record


def preread_says(house: Installation, *words: str) -> str:
    done = subprocess.run(
        preread(*words), env=environment(house.running_settings()), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def a_note(phantom: Phantom, folder: Path, *, about: Issued | None = None, reason: Reason = Reason.QUALITY) -> Path:
    """A rejection note as an archive writes it: about the phantom's image, or about something else of its study."""
    image = dcmread(phantom.file, stop_before_pixels=True)
    rejected = about or Issued(image.SOPClassUID, image.SOPInstanceUID, image.SeriesInstanceUID)
    archive = RejectionNotes(Site(institution="Archive", device_serial="ARCHIVE"), UID("2.25.4711"))
    path = folder / "note.dcm"
    path.write_bytes(
        archive.write(
            Rejected(
                report=Report(
                    outcome=Outcome.FAILED, algorithms=(), procedure=UNKNOWN_PROCEDURE, images=(), reason="a note"
                ),
                identity=Identity(patient=Patient(patient_id=image.PatientID, name=str(image.PatientName))),
                study_instance_uid=UID(phantom.study),
                series_instance_uid=derive_uid("series of the note", phantom.study),
                sop_instance_uid=derive_uid("note", rejected.sop_instance_uid),
                reason=reason,
                instances=(rejected,),
                created_at=datetime.now(UTC),
            )
        )
    )
    return path


def notes_in_archive(phantom: Phantom, house: Installation) -> list[Dataset]:
    return [found for found in house.orthanc.instances(phantom.study) if found.Modality == "KO"]


def withdrawn_by(note: Dataset) -> set[str]:
    return {
        instance.ReferencedSOPInstanceUID
        for study in note.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }


def sent_results(record: StudyRecord) -> set[str]:
    return {d.delivery.sop_instance_uid for d in record.deliveries if d.delivery.kind is DeliveryKind.RESULT}


def delivery_states(record: StudyRecord, kind: DeliveryKind = DeliveryKind.RESULT) -> set[DeliveryState]:
    return {found.delivery.state for found in record.deliveries if found.delivery.kind is kind}


def test_a_recalled_draft_is_named_in_a_note_in_the_archive_and_its_row_stays(
    house: Installation, rendered: Iterator[Phantom]
) -> None:
    phantom = next(rendered)
    record = read(phantom, house)
    (job,) = record.jobs
    preread_says(house, "jobs", "recall", job.job.job_id, "--why", "safety")
    wait_for(lambda: notes_in_archive(phantom, house), 120, "no rejection note in the archive")
    (note,) = notes_in_archive(phantom, house)
    assert note.ConceptNameCodeSequence[0].CodeValue == "113037"
    assert withdrawn_by(note) == sent_results(record)
    house.settle([phantom.study])
    after = record_of(phantom, house)
    assert after.jobs[0].job.state is JobState.RECALLED
    assert after.jobs[0].report == job.report, "the draft's row stays"
    assert delivery_states(after) == {DeliveryState.RETRACTED}
    assert delivery_states(after, DeliveryKind.RETRACTION) == {DeliveryState.SENT}


def test_an_image_that_was_rejected_before_it_is_read_is_not_read(
    house: Installation, rendered: Iterator[Phantom], tmp_path: Path
) -> None:
    phantom = next(rendered)
    dcmsend([phantom.file, a_note(phantom, tmp_path)], house)
    house.settle([phantom.study])
    record = record_of(phantom, house)
    assert (record.jobs, record.deliveries) == ((), ())
    assert any("left out, because a rejection note names it" in event.text for event in record.events)


def test_a_draft_whose_image_is_rejected_is_withdrawn_in_the_archive(
    house: Installation, rendered: Iterator[Phantom], tmp_path: Path
) -> None:
    phantom = next(rendered)
    before = read(phantom, house)
    dcmsend([a_note(phantom, tmp_path)], house, calling="ARCHIVE")
    wait_for(lambda: notes_in_archive(phantom, house), 120, "no rejection note in the archive")
    (note,) = notes_in_archive(phantom, house)
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert withdrawn_by(note) == sent_results(before)
    house.settle([phantom.study])
    after = record_of(phantom, house)
    assert [one.job.state for one in after.jobs] == [JobState.RECALLED]
    assert delivery_states(after) == {DeliveryState.RETRACTED}


def test_a_draft_that_the_archive_rejects_is_withdrawn_wherever_it_is(
    house: Installation, rendered: Iterator[Phantom], tmp_path: Path
) -> None:
    phantom = next(rendered)
    before = read(phantom, house)
    made = before.objects[0]
    ours = Issued(made.sop_class_uid, made.sop_instance_uid, made.series_instance_uid)
    dcmsend([a_note(phantom, tmp_path, about=ours)], house, calling="ARCHIVE")
    wait_for(lambda: notes_in_archive(phantom, house), 120, "no rejection note in the archive")
    after = record_of(phantom, house)
    assert "recalled by a rejection note from archive" in after.jobs[0].job.reason
    assert len(after.jobs) == 1, "its image is as good as before: nothing is read again"


def test_a_patient_merged_in_the_archive_before_delivery_holds_the_draft_in_words(
    house: Installation, rendered: Iterator[Phantom], tmp_path: Path
) -> None:
    phantom = next(rendered)
    merged = dcmread(phantom.file)
    merged.PatientID, merged.PatientName = "SURVIVOR", "Merged^Patient"
    merged.save_as(tmp_path / "merged.dcm")
    house.orthanc.client.upload_file(str(tmp_path / "merged.dcm"))
    record = read(phantom, house)
    assert delivery_states(record) == {DeliveryState.HELD}
    assert all("another patient or order" in found.delivery.last_error for found in record.deliveries)
    assert house.orthanc.reports(phantom.study) == []


def test_a_held_draft_that_is_recalled_never_leaves_and_needs_no_note(
    house: Installation, rendered: Iterator[Phantom], tmp_path: Path
) -> None:
    phantom = next(rendered)
    merged = dcmread(phantom.file)
    merged.PatientID = "SURVIVOR"
    merged.save_as(tmp_path / "merged.dcm")
    house.orthanc.client.upload_file(str(tmp_path / "merged.dcm"))
    record = read(phantom, house)
    preread_says(house, "jobs", "recall", record.jobs[0].job.job_id, "--why", "quality")
    after = record_of(phantom, house)
    assert delivery_states(after) == {DeliveryState.RETRACTED}
    assert delivery_states(after, DeliveryKind.RETRACTION) == set()
    assert house.orthanc.reports(phantom.study) == []


def test_what_a_model_read_is_listed_and_then_withdrawn_by_its_digest(
    house: Installation, rendered: Iterator[Phantom]
) -> None:
    phantom = next(rendered)
    record = read(phantom, house)
    digest = record.jobs[0].steps[0].model_digest
    listed = preread_says(house, "models", "recall", digest)
    assert phantom.study in listed
    assert "nothing was withdrawn" in listed
    assert record_of(phantom, house).jobs[0].job.state is JobState.COMPLETED
    assert "drafts are recalled" in preread_says(house, "models", "recall", digest, "--why", "quality", "--yes")
    wait_for(lambda: notes_in_archive(phantom, house), 120, "no rejection note in the archive")
    assert record_of(phantom, house).jobs[0].job.state is JobState.RECALLED
