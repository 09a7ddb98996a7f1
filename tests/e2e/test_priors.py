"""An earlier study out of a real Orthanc by C-MOVE, read by the same model, and what changed in the delivered SR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from service.domain.report import Outcome
from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import NODES, RULES, Installation, OrthancServer
from tests.support.phantoms import Phantom, dcmsend, phantoms

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

COMPARING = RULES.replace(
    'steps = [{{ kind = "draft", algorithm = "chest-radiograph-report" }}]',
    'steps = [{{ kind = "draft", algorithm = "chest-radiograph-report" }}, '
    '{{ kind = "compare", algorithm = "chest-radiograph-report", priors = "archive" }}]',
)
PRIORS = (
    NODES
    + """
[[priors]]
name = "archive"
url = "dicom://ARCHIVE@127.0.0.1:{archive_port}"
retrieve = "move"
move_ae_title = "PREREAD_MOVE"
move_port = {move_port}
max_age = "3650d"
wait = "30s"
"""
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    need_orthanc_and_dcmtk()
    folder, (dicom, http, scp_of_nobody, move) = tmp_path_factory.mktemp("priors"), choose_free(4)
    server = orthanc.find()
    assert server is not None
    described = orthanc.Orthanc(
        folder=folder / "orthanc",
        dicom_port=dicom,
        http_port=http,
        peers={"PREREAD": ("127.0.0.1", scp_of_nobody), "PREREAD_MOVE": ("127.0.0.1", move)},
    )
    with Installation(
        folder, rules=COMPARING, nodes=PRIORS, archive=OrthancServer(described, server), extra={"move_port": str(move)}
    ) as found:
        yield found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Phantom]:
    return phantoms(tmp_path_factory.mktemp("phantoms"), seed=821, count=3)


def earlier(prior: Phantom, current: Phantom, folder: Path, **attributes: str) -> Path:
    """`prior`'s picture as an earlier study of `current`'s patient."""
    image, now = dcmread(prior.file), dcmread(current.file, stop_before_pixels=True)
    for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        image[keyword] = now[keyword]
    image.StudyDate = f"{int(now.StudyDate[:4]) - 1}{now.StudyDate[4:]}".replace("0229", "0228")
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    image.save_as(folder / "prior.dcm")
    return folder / "prior.dcm"


def test_what_changed_since_the_earlier_study_stands_in_the_delivered_report(
    house: Installation, pair: list[Phantom], tmp_path: Path
) -> None:
    prior, current, _ = pair
    file = earlier(prior, current, tmp_path)
    day = dcmread(file).StudyDate
    house.orthanc.client.upload_file(str(file))
    dcmsend([current.file], house)
    house.settle([current.study])
    record = house.record(current.study)
    assert record is not None
    report = json.loads(record.jobs[0].report)
    assert report["outcome"] == Outcome.ANALYSED, report["reason"]
    written = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    told = [sentence["text"] for sentence in report["sentences"] if f"Compared with {written}:" in sentence["text"]]
    assert told, report["notes"]
    assert f"compared with the study of {written}, read by the same algorithm" in report["notes"]
    texts = [
        element.value
        for found in house.orthanc.reports(current.study)
        for element in found.iterall()
        if element.keyword == "TextValue"
    ]
    assert all(any(text in delivered for delivered in texts) for text in told), texts
    assert house.record(prior.study) is None, "what was moved to us is no study of ours"
    changed = {f for f, _ in prior.findings} ^ {f for f, _ in current.findings}
    print(f"then {sorted(prior.findings)}, now {sorted(current.findings)}: {told}; changed {changed}")


def test_a_study_that_is_only_possibly_of_the_patient_is_not_used_and_that_is_said(
    house: Installation, pair: list[Phantom], tmp_path: Path
) -> None:
    prior, _, current = pair
    file = earlier(prior, current, tmp_path, PatientBirthDate="19010101", StudyInstanceUID="1.2.826.0.1.3680043.10.8.1")
    image = dcmread(file)
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.8.2"
    image.save_as(file)
    house.orthanc.client.upload_file(str(file))
    dcmsend([current.file], house)
    house.settle([current.study])
    record = house.record(current.study)
    assert record is not None
    report = json.loads(record.jobs[0].report)
    assert report["outcome"] == Outcome.ANALYSED, report["reason"]
    assert not [sentence for sentence in report["sentences"] if "Compared" in sentence["text"]]
    assert any("possibly of this patient and not used" in note for note in report["notes"]), report["notes"]
