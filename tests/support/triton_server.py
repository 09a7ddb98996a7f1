"""The embedded Triton, serving a model repository of a test's choice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from service.adapters.models_triton import TritonModels
from service.embedded import triton
from service.embedded.folders import cache_folder
from service.embedded.keep import SHARED_MEMORY
from service.embedded.missing import Missing
from service.embedded.ports import choose_free
from service.ports.models import ServerState
from tests.support.installation import wait_for


@dataclass(frozen=True)
class TritonServer:
    """A running Triton on loopback."""

    ports: triton.Ports
    models: TritonModels
    process: subprocess.Popen[bytes]

    def stubs(self) -> list[psutil.Process]:
        """The processes of its Python models that are alive."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


def all_ready(state: ServerState) -> bool:
    return state.ready


@contextmanager
def serving(
    folder: Path, repository: Path, names: Sequence[str], *, up: Callable[[ServerState], bool] = all_ready
) -> Iterator[TritonServer]:
    """Serve models out of `repository` until `up` is content, log in `folder`; skips where Triton cannot run."""
    try:
        found = triton.install(cache_folder(os.environ), print)
    except Missing as missing:
        pytest.skip(f"Triton cannot run here: {missing}")
    ports = triton.Ports(*choose_free(3))
    command = found.command(repositories=[repository], models=names, ports=ports)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=found.environment(os.environ), stdout=log, stderr=log, process_group=0)
    server = TritonServer(ports, TritonModels(f"127.0.0.1:{ports.grpc}", (repository,)), process)
    stubs: list[psutil.Process] = []
    try:
        wait_for(lambda: up(server.models.state()), 90, f"Triton does not come up, see {folder / 'log'}")
        yield server
    finally:
        server.models.close()
        with suppress(psutil.NoSuchProcess):  # a test has ended it
            stubs += psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        for stub in stubs:
            stub.kill()
        for left in SHARED_MEMORY.glob(f"{triton.shared_memory_prefix(ports)}*"):
            left.unlink(missing_ok=True)
