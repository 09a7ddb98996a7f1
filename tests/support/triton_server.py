"""The embedded Triton, serving a model repository of a test's choice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from tests.support import processes
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class TritonServer:
    """A running Triton on loopback."""

    ports: triton.Ports
    models: TritonModels
    process: subprocess.Popen[bytes]

    def stubs(self) -> list[psutil.Process]:
        """The processes of its Python models that are alive."""
        return processes.below(self.process.pid, recursive=False)


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
    try:
        wait_for(lambda: up(server.models.state()), 120, f"Triton does not come up, see {folder / 'log'}")
        yield server
    finally:
        server.models.close()
        stubs = server.stubs()
        process.kill()
        process.wait()
        processes.kill(stubs)  # each ends by itself, too, once it misses its parent
        for left in SHARED_MEMORY.glob(f"{triton.shared_memory_prefix(ports)}*"):
            left.unlink(missing_ok=True)
