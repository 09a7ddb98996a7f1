"""One study walks the whole way: DCMTK -> SCP -> ledger -> Celery -> Triton -> SR -> Orthanc."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydicom.uid import BasicTextSRStorage, Comprehensive3DSRStorage

from tests.support.installation import Installation
from tests.support.phantoms import dcmsend, phantoms

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


TRIES = 5
SOON_S = 5.0
"""From release to both reports in the archive, less what the model took; what else the machine does can only add to it,
so that one study of several is enough."""


def took_s(study: str, installation: Installation) -> float:
    """From release to both reports in the archive, less what the model took."""
    record = installation.record(study)
    assert record is not None
    for event in record.events:
        print(f"{event.at:%H:%M:%S.%f} {event.kind}: {event.text}")
    released = next(event.at for event in record.events if "released" in event.text)
    sent = max(delivery.sent_at for delivery in record.deliveries if delivery.sent_at)
    model_s = sum(step.took_s for job in record.jobs for step in job.steps)
    elapsed_s = (sent - released).total_seconds()
    print(f"release -> both reports stored: {elapsed_s:.2f} s, of which the model took {model_s:.2f} s")
    return elapsed_s - model_s


def test_both_reports_stand_in_orthanc_soon_after_release(installation: Installation, folder: Path) -> None:
    took = []
    for phantom in phantoms(folder / "phantoms", seed=301, count=TRIES):
        dcmsend([phantom.file], installation)
        installation.settle([phantom.study])
        took.append(took_s(phantom.study, installation))
        if took[-1] < SOON_S:
            break
    assert min(took) < SOON_S
    reports = installation.orthanc.reports(phantom.study)
    assert {report.SOPClassUID for report in reports} == {BasicTextSRStorage, Comprehensive3DSRStorage}
    for number, report in enumerate(reports):
        file = folder / f"{number}.dcm"
        report.save_as(file)
        judged = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        assert [line for line in judged.stderr.splitlines() if line.startswith("Error")] == []
        dumped = subprocess.run(["dsrdump", str(file)], capture_output=True, text=True, check=True)
        assert str(report.PatientName).split("^")[0] in dumped.stdout
        assert "AI DRAFT" in dumped.stdout
        assert "Pneumothorax" in dumped.stdout or "neumothorax" in dumped.stdout


def test_what_comes_back_is_known_and_opens_nothing(installation: Installation, folder: Path) -> None:
    (phantom,) = phantoms(folder / "phantoms", seed=302, count=1)
    dcmsend([phantom.file], installation)
    installation.settle([phantom.study])
    reports = installation.orthanc.reports(phantom.study)
    files = []
    for number, report in enumerate(reports):
        files.append(folder / f"echo-{number}.dcm")
        report.save_as(files[-1])
    dcmsend(files, installation)
    installation.settle([phantom.study])
    record = installation.record(phantom.study)
    assert record is not None
    assert len(record.manifests) == 1
    assert len(record.jobs) == 1
    assert any("own" in event.text or "echo" in event.kind for event in record.events)
