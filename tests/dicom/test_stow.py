"""STOW-RS between processes: Orthanc's plug-in as the sender, and kills while objects arrive."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import UID

from service.embedded.ports import choose_free
from tests.support.durable import missing
from tests.support.instances import instance, part10, uid
from tests.support.judging import archive
from tests.support.store_process import SENDER_SECRET, VIEWER_SECRET
from tests.support.storing import HEADERS, message
from tests.support.waiting import wait_for

pytestmark = pytest.mark.dicom
KILLS = 2


@contextmanager
def door(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A front door that stores; killed at the end."""
    (port,) = choose_free(1)
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.support.store_process", str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    where = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(where), what="the front door does not answer")
        yield f"{where}/dicom-web", process
    finally:
        process.kill()
        process.wait()


def _answers(where: str) -> bool:
    try:
        return httpx.get(f"{where}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_orthanc_sends_over_stow_and_what_it_sent_comes_back(tmp_path: Path) -> None:
    with archive(tmp_path) as kept:
        if kept is None:
            pytest.skip("Orthanc or its DICOMweb plug-in is not installed")
        root = kept.server.archive.url
        sent = [instance(f"of Orthanc {number}", PixelData=bytes(30_000), Rows=100, Columns=150) for number in range(3)]
        with (
            door(tmp_path / "house") as (address, _),
            httpx.Client(base_url=root, trust_env=False, timeout=60) as orthanc,
        ):
            ids = [orthanc.post("/instances", content=part10(one)).json()["ID"] for one in sent]
            us = {"Url": f"{address}/", "HttpHeaders": {"Authorization": f"Bearer {SENDER_SECRET}"}}
            assert orthanc.put("/dicom-web/servers/preread", json=us).status_code == 200
            answer = orthanc.post("/dicom-web/servers/preread/stow", json={"Resources": ids})
            assert answer.status_code == 200, answer.text
            headers = {"authorization": f"Bearer {VIEWER_SECRET}", "accept": "application/dicom; transfer-syntax=*"}
            for one in sent:
                where = f"{address}/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances"
                back = httpx.get(f"{where}/{one.SOPInstanceUID}", headers=headers, timeout=60, trust_env=False)
                assert dcmread(BytesIO(back.content)) == one


def test_a_killed_front_door_has_everything_that_it_answered_as_stored(tmp_path: Path) -> None:
    """SIGKILL at random moments under load; ledger and spool are compared with what senders were told."""
    house, chance = tmp_path / "house", random.Random(11)
    acknowledged: set[UID] = set()
    for round_ in range(KILLS):
        with door(house) as (address, process):
            threads = [
                threading.Thread(target=_send_on, args=(address, f"r{round_}s{number}", acknowledged))
                for number in range(2)
            ]
            before = len(acknowledged)
            for thread in threads:
                thread.start()
            wait_for(lambda seen=before: len(acknowledged) > seen, what="nothing is stored")
            time.sleep(chance.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    lost = missing(house, acknowledged)
    print(f"answered as stored {len(acknowledged)} in {KILLS} kills, missing {len(lost)}")
    assert acknowledged
    assert lost == []


def _send_on(address: str, prefix: str, acknowledged: set[UID]) -> None:
    """Requests of three objects, until nobody answers any more."""
    headers = HEADERS | {"authorization": f"Bearer {SENDER_SECRET}"}
    with httpx.Client(trust_env=False, timeout=20) as client:
        for number in range(1000):
            names = [f"{prefix}n{number}p{part}" for part in range(3)]
            objects = [part10(instance(name, PixelData=bytes(30_000), Rows=100, Columns=150)) for name in names]
            try:
                answer = client.post(f"{address}/studies", content=message(*objects), headers=headers)
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                acknowledged |= {uid("instance", name) for name in names}
