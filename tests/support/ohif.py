"""OHIF's built viewer on loopback, over a DICOMweb archive that is reached through the same address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

CONFIGURATION = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "showStudyList": False,
    "disableConfirmationPrompts": True,
    "investigationalUseDialog": {"option": "never"},
    "customizationService": [{"ohif.tours": {"$set": []}}],
    "defaultDataSourceName": "dicomweb",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "dicomweb",
            "configuration": {
                "friendlyName": "archive",
                "qidoRoot": "/dicom-web",
                "wadoRoot": "/dicom-web",
                "wadoUriRoot": "/dicom-web",
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsWildcard": False,
                "singlepart": "bulkdata,video",
                "bulkDataURI": {"enabled": True},
                "omitQuotationForMultipartRequest": True,
            },
        }
    ],
}
"""app-config.js: one archive, and objects are opened without asking."""


@contextmanager
def served(ohif: Path, *, dicomweb: str) -> Iterator[str]:
    """Serve the viewer's files in `ohif` with the archive at `dicomweb`; yields the viewer's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, ohif, dicomweb))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Page(SimpleHTTPRequestHandler):
    """A file, the archive's answer, or the one page that OHIF is."""

    def __init__(self, ohif: Path, dicomweb: str, *arguments: object) -> None:
        self._dicomweb = dicomweb
        super().__init__(*arguments, directory=str(ohif))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path.startswith("/dicom-web"):
            asked = {"Accept": self.headers.get("Accept", "*/*")}
            answer = httpx.get(
                f"{self._dicomweb}{self.path.removeprefix('/dicom-web')}", headers=asked, timeout=60, trust_env=False
            )
            self._say(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)
        elif self.path.startswith("/app-config.js"):
            script = f"window.config = {json.dumps(CONFIGURATION)};"
            self._say(200, "text/javascript", script.encode())
        else:
            if not Path(self.translate_path(self.path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the archive keeps a log."""

    def _say(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
