"""What a hostile or slow archive behind HTTP may not do, asked by DICOMweb or by Orthanc's interface."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from dicom_nodes.sources import PriorSources
from service.adapters.spool_files import FileSpool
from service.domain.errors import PrereadError, Unavailable
from service.domain.prior import PriorStudy
from service.flow.arrivals import Arrivals
from tests.support.priors import JANE, TODAY, a_node, an_image, left_in
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.dicom
STUDY = UID("1.2.826.0.1.3680043.10.77.5112")
ORTHANC_ID = "-".join(["01234567"] * 5)
FOUND = {
    "dicomweb": b'[{"0020000E": {"Value": ["1.2.4"]}, "00080018": {"Value": ["1.2.5"]}}]',
    "orthanc": b'[{"ID": "%b", "ParentStudy": "%b", "Instances": ["%b"]}]' % ((ORTHANC_ID.encode(),) * 3),
}
"""What either kind of archive answers, so that an image is asked for."""


class Hostile(BaseHTTPRequestHandler):
    """Answers as the first part of the path says: questions, or, where it begins with an equals sign, objects."""

    def do_GET(self) -> None:
        kind, rest = self.path.split("/")[1:3]
        if kind.startswith("="):
            objects = "/instances/" in self.path
            self._say(kind[1:] if objects else "", FOUND["orthanc" if rest == "tools" else "dicomweb"])
        else:
            self._say(kind, b"[]")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def _say(self, kind: str, usual: bytes) -> None:
        ended = self.server.ended  # type: ignore[attr-defined]
        answers = {"nonsense": b"<html>", "deep": b"[" * 100_000, "object": b'{"a": 1}', "odd": b'[{"0020000D": 3}]'}
        try:
            if kind == "dripped%20header":
                while not ended.wait(0.05):
                    self.wfile.write(b"H")
            self.send_response(500 if kind == "error" else 200)
            self.send_header(
                "Content-Type", 'multipart/related; boundary="b"' if kind == "half" else "application/json"
            )
            self.end_headers()
            while kind == "endless":
                self.wfile.write(b" " * 1_000_000)
            while kind == "drip" and not ended.wait(0.05):
                self.wfile.write(b" ")
            self.wfile.write(b"--b\r\n\r\n" + an_image("prior") if kind == "half" else answers.get(kind, usual))
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


@pytest.mark.parametrize("archive", ["dicomweb", "orthanc"])
@pytest.mark.parametrize("kind", ["nonsense", "deep", "object", "error", "endless", "drip", "dripped%20header"])
def test_a_hostile_or_slow_archive_is_left_in_time(archive: str, kind: str, hostile: str) -> None:
    source = PriorSources().source(a_node(f"{archive}+{hostile}/{kind}"))
    began = time.monotonic()
    with pytest.raises(PrereadError, match="archive") as told:
        source.find(JANE, modalities=("CR",), limit=5, left_s=lambda: began + 0.6 - time.monotonic())
    assert time.monotonic() - began < PATIENCE_S
    if kind in {"drip", "error", "endless", "dripped%20header"}:
        assert isinstance(told.value, Unavailable)


@pytest.mark.parametrize("archive", ["dicomweb", "orthanc"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("endless", "more than 3000000 bytes"),
        ("half", "in an envelope that does not end"),
        ("error", "HTTP 500"),
        ("drip", "in time"),
    ],
)
def test_an_object_without_an_end_leaves_nothing(
    archive: str, kind: str, said: str, hostile: str, tmp_path: Path
) -> None:
    source = PriorSources().source(a_node(f"{archive}+{hostile}/={kind}"))
    until = time.monotonic() + (0.6 if kind == "drip" else PATIENCE_S)
    study = PriorStudy(study_instance_uid=STUDY, identity=TODAY)
    with Arrivals(FileSpool(tmp_path), source="archive", max_object_bytes=3_000_000, max_bytes=10**9) as arrivals:
        fetched = source.fetch(
            study, modalities=("CR",), limit=5, left_s=lambda: until - time.monotonic(), begin=arrivals.begin
        )
        with pytest.raises(PrereadError, match=said):
            list(fetched)
    assert left_in(tmp_path) == []


def test_rows_without_a_uid_are_no_studies(hostile: str) -> None:
    found = PriorSources().source(a_node(f"dicomweb+{hostile}/odd"))
    assert found.find(JANE, modalities=("CR",), limit=5, left_s=lambda: PATIENCE_S) == ()
