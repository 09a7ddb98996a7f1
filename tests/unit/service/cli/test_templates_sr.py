"""A form as a file and back: who it is of, what may not be written, and what is read again."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_nodes.objects.structure import complaints
from service.adapters.templates.shelf import OURS, read_template
from service.cli.templates_sr import form
from service.domain.filled import Filled
from service.domain.phrase import Phrases
from service.domain.report import Outcome
from service.flow.record import report_json
from service.ports.services import Services
from service.settings import Settings
from tests.support.fake_house import NOW
from tests.support.web_records import draft, study_of, uid
from tests.support.web_scene import done
from tests.unit.service.cli.conftest import Preread

ANY = read_template(OURS / "any.html")
FILLED = Filled(template=ANY, values={"findings-text": "Größe 3 mm.", "conclusion": "Normal."})


def a_form() -> bytes:
    return form(FILLED, draft(2), study_of(done()), Settings(), Phrases(), now=NOW, job="j-2")


def test_a_form_is_of_the_study_and_may_leave() -> None:
    found = dcmread(BytesIO(a_form()))
    assert (found.StudyInstanceUID, found.PatientID) == (uid(2), "MRN70002")
    assert (found.VerificationFlag, found.SeriesNumber) == ("UNVERIFIED", 9350)
    assert complaints(a_form()) == ()
    assert a_form() == a_form()


def test_a_form_is_read_back_as_its_answers(preread: Preread, tmp_path: Path) -> None:
    (tmp_path / "form.dcm").write_bytes(a_form())
    found = json.loads(preread("templates", "decode", "any", tmp_path / "form.dcm").out)
    assert {name: value for name, value in found.items() if value} == FILLED.values
    said = preread("templates", "decode", "head-ct", tmp_path / "form.dcm")
    assert said.code != 0
    assert "the document is not of the template head-ct" in said.err


def test_what_cannot_be_encoded_is_said_and_nothing_is_written(
    preread: Preread, services: Services, tmp_path: Path
) -> None:
    answers, out = tmp_path / "answers.json", tmp_path / "form.dcm"
    answers.write_text("{}")
    said = preread("templates", "encode", "any", answers, "--job", "99", "--out", out)
    assert said.code == 1
    assert "there is no reading 99 with a report" in said.err
    assert not out.exists()


@pytest.fixture
def job(services: Services, study: str) -> str:
    """A reading that was finished with a report."""
    claim = services.ledger.claim_job("test", lease=timedelta(minutes=1))
    assert claim is not None
    kept = services.ledger.finish_job(
        claim.job, outcome=Outcome.ANALYSED, reason="", report=report_json(draft(2)), provenance="{}", objects=(),
        destinations=(), now=services.clock.now(),
    )  # fmt: skip
    assert kept
    return claim.job.job_id


def test_answers_of_a_reading_become_a_file_that_says_them_again(
    preread: Preread, services: Services, job: str, tmp_path: Path
) -> None:
    answers, out = tmp_path / "answers.json", tmp_path / "form.dcm"
    answers.write_text('{"effusion-left": "Large", "nodule-size": 12.5, "conclusion": "Large effusion."}')
    asked = ("templates", "encode", "chest-radiograph", answers, "--job", job, "--out", out)
    said = preread(*asked)
    assert (said.code, said.err) == (0, "")
    again = json.loads(preread("templates", "decode", "chest-radiograph", out).out)
    assert {name: value for name, value in again.items() if value} == json.loads(answers.read_text())
    assert preread(*asked).err == f"preread: {out} cannot be written: File exists\n"


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ("{}", "Impression is required"),
        ('{"conclusion": "x", "effusion-left": "Huge"}', "“Huge” is not among the options"),
        ("not JSON", "is no form of chest-radiograph"),
    ],
)
def test_answers_that_make_no_form_are_said(
    preread: Preread, job: str, tmp_path: Path, answers: str, wrong: str
) -> None:
    file, out = tmp_path / "answers.json", tmp_path / "form.dcm"
    file.write_text(answers)
    said = preread("templates", "encode", "chest-radiograph", file, "--job", job, "--out", out)
    assert said.code == 2
    assert wrong in said.err
    assert not out.exists()
