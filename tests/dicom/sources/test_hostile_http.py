"""What a hostile or slow archive behind HTTP may not do."""

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
from service.domain.errors import PrereadError, Unavailable, Unreadable
from service.domain.prior import PriorStudy
from service.domain.study import Identity
from service.flow.arrivals import Arrivals
from tests.support.priors import JANE, a_node, left_in


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


