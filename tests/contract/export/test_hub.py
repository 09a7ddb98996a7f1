"""The hub over HTTP: a stand-in on loopback with the two calls that are spoken."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.adapters.hub import Hub
from service.domain.errors import Misconfigured, Refused, Unavailable
from tests.support import tiny_checkpoint

pytestmark = pytest.mark.e2e

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "somebody/phi-tiny"


@dataclass
class StandIn:
    """A hub with one model; what it was asked for, and what it does wrong."""

    folder: Path
    asked: list[str] = field(default_factory=list)
    cuts: str = ""
    """A file of which it sends the beginning alone."""
    wants_token: str = ""
    url: str = ""

    def answer(self, path: str, token: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if self.wants_token and token != f"Bearer {self.wants_token}":
            return 401, b""
        if path.startswith(f"/api/models/{MODEL}/revision/"):
            known = path.split("/revision/")[1].split("?")[0] in ("main", COMMIT)
            return (200, json.dumps(self._told()).encode()) if known else (404, b"")
        name = path.removeprefix(f"/{MODEL}/resolve/{COMMIT}/")
        file = self.folder / name
        if name == path or not file.is_file():
            return 404, b""
        return 200, file.read_bytes()[: -100 if name == self.cuts else None]

    def _told(self) -> dict[str, object]:
        files = [_entry(file) for file in sorted(self.folder.iterdir())]
        return {"sha": COMMIT, "cardData": {"license": "mit"}, "siblings": files}


def _entry(file: Path) -> dict[str, object]:
    data = file.read_bytes()
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry: dict[str, object] = {"rfilename": file.name, "size": len(data), "blobId": blob}
    if file.suffix == ".safetensors":
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return entry


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[StandIn]:
    stand_in = StandIn(tiny_checkpoint.phi(tmp_path / "published"))
    (stand_in.folder / "modeling_evil.py").write_text("raise SystemExit")
    (stand_in.folder / "pytorch_model.bin").write_bytes(b"\x80")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = stand_in.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    yield stand_in
    server.shutdown()
    server.server_close()


def test_a_checkpoint_comes_whole_and_without_programs(hub: StandIn, tmp_path: Path) -> None:
    found = Hub(hub.url).revision(MODEL, "main")
    assert (found.commit, found.licence) == (COMMIT, "mit")
    said: list[str] = []
    folder = Hub(hub.url).download(found, tmp_path / "here", say=said.append)
    names = {file.name for file in folder.iterdir()}
    assert names == {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                     "tokenizer_config.json"}  # fmt: skip
    assert (folder / "model.safetensors").read_bytes() == (hub.folder / "model.safetensors").read_bytes()
    assert len(said) == 5


def test_what_is_here_already_is_not_fetched_again(hub: StandIn, tmp_path: Path) -> None:
    found = Hub(hub.url).revision(MODEL, COMMIT)
    folder = Hub(hub.url).download(found, tmp_path / "here", say=print)
    (folder / "config.json").write_text("{}")
    hub.asked.clear()
    Hub(hub.url).download(found, folder, say=print)
    assert hub.asked == [f"/{MODEL}/resolve/{COMMIT}/config.json"]


def test_a_file_with_another_digest_is_refused_and_not_kept(hub: StandIn, tmp_path: Path) -> None:
    found = Hub(hub.url).revision(MODEL, "main")
    hub.cuts = "model.safetensors"
    with pytest.raises(Refused, match=r"model.safetensors of somebody/phi-tiny is not the file that the hub names"):
        Hub(hub.url).download(found, tmp_path / "here", say=print)
    assert not (tmp_path / "here" / "model.safetensors").exists()


def test_what_the_hub_lacks_or_withholds_is_named_with_the_remedy(hub: StandIn) -> None:
    with pytest.raises(Misconfigured, match="the hub has no somebody/phi-tiny at revision v9"):
        Hub(hub.url).revision(MODEL, "v9")
    hub.wants_token = "secret"
    with pytest.raises(Refused, match=r"accept its terms .* models.hub_token_file"):
        Hub(hub.url).revision(MODEL, "main")
    assert Hub(hub.url, token="secret").revision(MODEL, "main").commit == COMMIT


def test_a_hub_that_is_away_says_so() -> None:
    with pytest.raises(Unavailable, match=r"the hub at http://127.0.0.1:9 cannot be reached .* name its folder"):
        Hub("http://127.0.0.1:9").revision(MODEL, "main")
