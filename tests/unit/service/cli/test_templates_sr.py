"""A form as a file and back: who it is of, what may not be written, and what is read again."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from dicom_nodes.objects.structure import complaints
from service.adapters.templates.shelf import OURS, read_template
from service.cli.templates_sr import form
from service.domain.filled import Filled
from service.domain.phrase import Phrases
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
