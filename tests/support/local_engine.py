"""The local engine, serving a model repository of a test's choice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.adapters.models_local import LocalModels
from tests.support.installation import REPOSITORY
from tests.support.waiting import wait_for

SCRIPT = REPOSITORY / "triton_models" / "engine" / "local.py"


@contextmanager
def serving(folder: Path, repository: Path) -> Iterator[LocalModels]:
    """Serve every model of `repository`, with socket and log in `folder`."""
    socket = folder / "engine.sock"
    command = (sys.executable, str(SCRIPT), "--repository", str(repository), "--socket", str(socket))
    served = LocalModels(str(socket), (repository,))
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            wait_for(lambda: served.state().ready, 120, f"the local engine does not come up, see {folder / 'log'}")
            yield served
        finally:
            server.kill()
