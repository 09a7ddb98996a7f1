"""Triton that is starting: a socket that accepts and is silent holds up nobody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.adapters import models_triton
from service.adapters.models_triton import TritonModels
from service.bootstrap import silent
from service.settings import Settings
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def silent_server() -> Iterator[str]:
    """host:port of a listener that takes every connection and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    for end in [*held, listener]:
        end.close()


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every gRPC client that was opened; each counts how often it was closed."""
    opened: list[Any] = []

    class Counted(models_triton.triton.InferenceServerClient):  # type: ignore[misc]
        closed = 0

        def __init__(self, url: str) -> None:
            super().__init__(url)
            opened.append(self)

        def close(self) -> None:
            self.closed += 1
            super().close()

    monkeypatch.setattr(models_triton.triton, "InferenceServerClient", Counted)
    return opened


def test_the_state_of_a_silent_server_is_told_in_time_and_leaves_no_channel_open(
    silent_server: str, clients: list[Any]
) -> None:
    started = time.monotonic()
    state = TritonModels(silent_server, ()).state()
    assert time.monotonic() - started < PATIENCE_S
    assert not state.ready
    assert silent_server in state.reason
    assert [client.closed > 0 for client in clients] == [True]


def test_check_of_a_server_that_is_starting_ends_by_itself(silent_server: str, tmp_path: Path) -> None:
    given = {"PREREAD_DATA": str(tmp_path / "data"), "PREREAD_MODELS__URL": silent_server}
    given["PREREAD_BROKER"] = f"redis+socket://{tmp_path / 'no-redis.sock'}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        services = silent(Settings.load(), process="test")
    services.ledger.upgrade()
    services.ledger.close()
    command = [sys.executable, "-c", "from service.cli import main; main()", "check"]
    said = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=110, check=False)
    assert said.returncode == 2
    assert f"models: no answer from {silent_server}" in said.stdout
