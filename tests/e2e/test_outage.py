"""Our outage is never the PACS's outage (invariant 5); nothing leaves under an old identity (invariant 10)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_nodes.archive import KeepingArchive
from dicom_nodes.send import send
from service.bootstrap import silent
from service.cli.fleet import environment, preread
from service.cli.processes.scp import LOOK_EVERY_S
from service.embedded.ports import choose_free, is_free
from service.settings import Settings
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation
from tests.support.phantoms import Phantom, dcmsend, phantoms
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FORWARDING = """
[[source]]
name = "sender"
ae_title = "SENDER"
networks = ["127.0.0.0/8"]

[[destination]]
name = "second"
url = "dicom://SECOND@127.0.0.1:{port}"
"""


def test_originals_leave_within_a_second_while_everything_else_is_dead(tmp_path: Path) -> None:
    scp_port, second_port = choose_free(2)
    settings = Settings(
        data=tmp_path / "data",
        disk_reserve_bytes=0,
        broker="redis://127.0.0.1:9/0",
        models={"url": "127.0.0.1:9"},  # type: ignore[arg-type]
        scp={"port": scp_port},  # type: ignore[arg-type]
    )
    services = silent(settings, process="test")
    services.ledger.upgrade()
    texts = {"nodes.toml": FORWARDING.format(port=second_port), "rules.toml": '[[forward]]\ndestination = "second"\n'}
    services.configurations.apply(texts, by="test")
    services.ledger.close()
    second = KeepingArchive(tmp_path / "second", ae_title="SECOND", port=second_port)
    second.start()
    with (tmp_path / "scp.log").open("wb") as log:
        scp = subprocess.Popen(preread("scp"), env=environment(settings), stdout=log, stderr=log)
    try:
        waits = []
        sent = phantoms(tmp_path / "phantoms", seed=601, count=6)
        wait_for(lambda: not is_free(scp_port), what="the receiver does not come up")
        assert _store(sent[0], scp_port)
        for number, phantom in enumerate(sent[1:], 2):
            assert _store(phantom, scp_port)
            waits.append(wait_for(lambda n=number: len(second.received) == n, LOOK_EVERY_S / 2, "not forwarded"))
        told = ", ".join(f"{wait:.2f}" for wait in waits)
        print(f"original at the second archive after {told} s, with no broker, worker or model server")
        assert min(waits) < 1, "whatever else the machine does: it can, and none waits for the look at forgotten lanes"
        for phantom in sent:
            kept = dcmread(tmp_path / "second" / f"{phantom.sop_instance_uid}.dcm")
            assert kept == dcmread(phantom.file)
    finally:
        scp.terminate()
        scp.wait(timeout=60)
        second.stop()


def _store(phantom: Phantom, port: int) -> bool:
    (answer,) = send([phantom.file], host="127.0.0.1", port=port, called_ae="PREREAD", calling_ae="SENDER")
    return answer.stored


def test_a_patient_renamed_before_delivery_is_never_delivered_under_the_old_name(tmp_path: Path) -> None:
    need_orthanc_and_dcmtk()
    (phantom,) = phantoms(tmp_path / "phantoms", seed=602, count=1)
    with Installation(tmp_path / "installation") as found:
        found.orthanc.stop()
        dcmsend([phantom.file], found)
        wait_for(lambda: bool((record := found.record(phantom.study)) and record.objects), 120, "never read")
        dcmsend([_renamed(phantom, "Renamed^Patient", tmp_path)], found)
        found.orthanc.start()
        found.settle([phantom.study], 180)
        _only_the_new_name(phantom, found, "Renamed^Patient")


def test_a_patient_renamed_in_the_archive_is_delivered_under_that_name(tmp_path: Path) -> None:
    need_orthanc_and_dcmtk()
    (phantom,) = phantoms(tmp_path / "phantoms", seed=603, count=1)
    with Installation(tmp_path / "installation") as found:
        found.orthanc.client.upload_file(str(_renamed(phantom, "Archive^Knows", tmp_path)))
        dcmsend([phantom.file], found)
        found.settle([phantom.study], 180)
        _only_the_new_name(phantom, found, "Archive^Knows")
        record = found.record(phantom.study)
        assert record is not None
        assert sum(len(job.steps) for job in record.jobs if job.job.origin is None) == 1


def _renamed(phantom: Phantom, name: str, folder: Path) -> Path:
    """The same image with another patient's name in its header."""
    dataset = dcmread(phantom.file)
    dataset.PatientName = name
    file = folder / f"{name.split('^')[0]}.dcm"
    dataset.save_as(file)
    return file


def _only_the_new_name(phantom: Phantom, found: Installation, name: str) -> None:
    reports = found.orthanc.reports(phantom.study)
    record = found.record(phantom.study)
    assert reports, record and [event.text for event in record.events]
    assert {str(report.PatientName) for report in reports} == {name}
    log = [str(delivery.delivery.state) for delivery in record.deliveries] if record else []
    print(f"{len(reports)} reports, all under the new name; deliveries {log}")
