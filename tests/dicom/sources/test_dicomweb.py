"""Earlier studies out of a real Orthanc by QIDO-RS and WADO-RS, and what a hostile or slow archive may not do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import UID

from dicom_nodes.sources import PriorSources
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.errors import Misconfigured, PrereadError, Unavailable
from service.domain.prior import PriorNode
from service.domain.study import Identity, Patient
from service.flow.priors import Brought, bring
from tests.support.instances import instance, part10
from tests.support.judging import Archive, archive

JANE = Patient(patient_id="P-77", issuer="CLINIC", name="Doe^Jane", birth_date="19600102", sex="F")
TODAY = Identity(patient=JANE, study_date="20260301", study_time="120000")
HERE = UID("1.2.826.0.1.3680043.10.77.1")


def an_image(name: str, **attributes: Any) -> bytes:
    usual = {
        "PatientID": JANE.patient_id, "IssuerOfPatientID": JANE.issuer, "PatientName": JANE.name,
        "PatientBirthDate": JANE.birth_date, "PatientSex": JANE.sex, "StudyDate": "20250301", "StudyTime": "0900",
        "Modality": "CR", "StudyInstanceUID": UID(f"1.2.826.0.1.3680043.10.77.{len(name)}{ord(name[0])}"),
    }  # fmt: skip
    return part10(instance(name, **usual | attributes))


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with archive(tmp_path_factory.mktemp("archive")) as found:
        if found is None:
            pytest.skip("Orthanc or its DICOMweb plug-in is not installed")
        for stored in (
            an_image("older", StudyDate="20240101"),
            an_image("prior"),
            an_image("other person", PatientBirthDate="19991231", StudyDate="20251231"),
            an_image("other modality", Modality="US", StudyDate="20251230"),
        ):
            found.server.client.upload(stored)
        yield found


def node(url: str, **what: Any) -> PriorNode:
    return PriorNode(**{"name": "archive", "url": f"dicomweb+{url}", "wait": timedelta(seconds=30), **what})


@pytest.fixture
def headers() -> Iterator[Part10Headers]:
    found = Part10Headers(children=1)
    yield found
    found.close()


def brought(where: PriorNode, folder: Path, headers: Part10Headers, current: Identity = TODAY) -> Brought:
    return bring(
        current, HERE, modality="CR", stat=False, node=where, source=PriorSources().source(where),
        spool=FileSpool(folder), headers=headers,
    )  # fmt: skip


@pytest.mark.dicom
def test_the_newest_earlier_study_of_the_same_patient_comes_with_its_pixels(
    orthanc: Archive, tmp_path: Path, headers: Part10Headers
) -> None:
    found = brought(node(f"{orthanc.server.archive.url}/dicom-web"), tmp_path, headers)
    assert found.study is not None, found.notes
    assert found.study.day == "2025-03-01"
    (image,) = found.images
    with FileSpool(tmp_path).open(image.location) as file:
        assert dcmread(file).PixelData == dcmread(BytesIO(an_image("prior"))).PixelData
    assert [note.split(" and ")[0] for note in found.notes] == ["1 earlier study is possibly of this patient"]


@pytest.mark.dicom
def test_a_patient_that_the_archive_knows_under_another_issuer_has_no_prior(
    orthanc: Archive, tmp_path: Path, headers: Part10Headers
) -> None:
    elsewhere = replace(TODAY, patient=replace(JANE, issuer="ELSEWHERE"))
    found = brought(node(f"{orthanc.server.archive.url}/dicom-web"), tmp_path, headers, elsewhere)
    assert (found.study, found.images) == (None, ())


@pytest.mark.dicom
def test_an_archive_that_is_away_becomes_a_note(tmp_path: Path, headers: Part10Headers) -> None:
    found = brought(node("http://127.0.0.1:9/dicom-web"), tmp_path, headers)
    assert found.notes == ("no earlier study was compared: archive cannot be reached",)


class Hostile(BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        answers = {"nonsense": b"<html>", "deep": b"[" * 100_000, "object": b'{"a": 1}', "odd": b'[{"0020000D": 3}]'}
        self.send_response(500 if kind == "error" else 200)
        self.send_header("Content-Type", "application/dicom+json")
        self.end_headers()
        try:
            if kind == "endless":
                while True:
                    self.wfile.write(b" " * 1_000_000)
            if kind == "drip":
                while not self.server.ended.wait(0.05):  # type: ignore[attr-defined]
                    self.wfile.write(b" ")
            self.wfile.write(answers.get(kind, b"[]"))
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.ended = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.ended.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.dicom
@pytest.mark.parametrize("kind", ["nonsense", "deep", "object", "error", "endless", "drip"])
def test_a_hostile_or_slow_archive_is_left_in_time(kind: str, hostile: str) -> None:
    where = node(f"{hostile}/{kind}")
    until = time.monotonic() + 1.0
    with pytest.raises(PrereadError, match="archive") as told:
        PriorSources().source(where).find(JANE, modalities=("CR",), limit=5, left_s=lambda: until - time.monotonic())
    if kind in {"drip", "error", "endless"}:
        assert isinstance(told.value, Unavailable)


@pytest.mark.dicom
def test_rows_without_a_uid_are_no_studies(hostile: str) -> None:
    found = PriorSources().source(node(f"{hostile}/odd")).find(JANE, modalities=("CR",), limit=5, left_s=lambda: 5.0)
    assert found == ()


@pytest.mark.parametrize("url", ["http://host/root", "dicomweb+http:///root", "ftp://host"])
def test_a_url_that_nobody_here_asks_is_refused_with_words(url: str) -> None:
    with pytest.raises(Misconfigured, match="archive"):
        PriorSources().source(PriorNode(name="archive", url=url))
