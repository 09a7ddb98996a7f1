"""The supervisor with real processes: what is killed comes back, and nothing outlives it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import below, is_gone
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.e2e

DRIVER = """
import json, sys
from service.embedded.supervisor import Process, supervise
sys.exit(supervise(Process(**{**spec, "command": tuple(spec["command"])}) for spec in json.loads(sys.argv[1])))
"""
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".part", "w") as out:
    out.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(600)
"""


def end_of(running: Supervised) -> int:
    """The supervisor's exit code, once it has ended by itself."""
    return running.process.wait(timeout=PATIENCE_S)


def all_end(pids: Iterable[int]) -> None:
    """Wait until none of them runs: whoever is sent SIGKILL ends when the kernel comes to it, and not before."""
    eventually(lambda: all(map(is_gone, pids)), what="something outlives the supervisor")


class Supervised:
    """A running supervisor, and the family (a process and its child) that it keeps."""

    def __init__(self, folder: Path, *more: dict[str, Any]) -> None:
        self.pids = folder / "pids"
        family = {"name": "family", "command": [sys.executable, "-c", FAMILY, str(self.pids)]}
        with (folder / "said").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DRIVER, json.dumps([family, *more])], stdout=out, stderr=out
            )
        self.said = folder / "said"

    def family(self, *, but_not: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the ids of the process and its child, once both are new."""

        def new() -> tuple[int, ...] | None:
            found = tuple(int(pid) for pid in self.pids.read_text().split()) if self.pids.exists() else ()
            return found if found and not set(found) & set(but_not) else None

        result: tuple[int, ...] = eventually(new)
        return result

    def everybody(self) -> list[int]:
        """Return the ids of all processes below the supervisor."""
        return [child.pid for child in below(self.process.pid)]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*more: dict[str, Any]) -> Supervised:
        started.append(Supervised(tmp_path, *more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def test_a_process_killed_with_9_comes_back_and_its_children_do_not_stay(
    supervised: Callable[..., Supervised],
) -> None:
    running = supervised()
    first, child = running.family()
    os.kill(first, signal.SIGKILL)
    second, _ = running.family(but_not=(first, child))
    assert not is_gone(second)
    all_end([child])
    eventually(lambda: "was killed by SIGKILL; starting it again" in running.said.read_text(errors="replace"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_ctrl_c_and_sigterm_end_everything(
    supervised: Callable[..., Supervised], number: signal.Signals, code: int
) -> None:
    running = supervised()
    running.family()
    everybody = running.everybody()
    running.process.send_signal(number)
    assert end_of(running) == code
    all_end(everybody)


def test_a_supervisor_killed_with_9_takes_everything_along(supervised: Callable[..., Supervised]) -> None:
    running = supervised()
    running.family()
    everybody = running.everybody()
    running.process.kill()  # nobody waits for it yet: a zombie counts as dead, too
    all_end(everybody)


def test_a_keeper_killed_with_9_takes_its_process_along(supervised: Callable[..., Supervised]) -> None:
    sleep = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"
    running = supervised({"name": "sleeper", "command": [sys.executable, "-c", sleep]})
    sleeper = int(eventually(lambda: re.search(r"\| pid (\d+)", running.said.read_text(errors="replace")))[1])
    os.kill(psutil.Process(sleeper).ppid(), signal.SIGKILL)
    assert end_of(running) != 0
    all_end([sleeper])


@pytest.mark.parametrize(("restart", "code"), [(False, 5), (True, 78)])
def test_one_that_ends_for_good_ends_everything_with_its_code(
    supervised: Callable[..., Supervised], tmp_path: Path, restart: bool, code: int
) -> None:
    told = tmp_path / "told"
    script = f"import os, sys, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.05)\nsys.exit({code})"
    running = supervised({"name": "driver", "command": [sys.executable, "-c", script], "restart": restart})
    family = running.family()
    told.touch()
    assert end_of(running) == code
    all_end(family)


def test_a_program_that_is_not_there_ends_everything_and_is_named(supervised: Callable[..., Supervised]) -> None:
    running = supervised({"name": "absent", "command": ["/not/there"]})
    assert end_of(running) == 78
    assert "/not/there" in running.said.read_text(errors="replace")


def test_a_program_that_cannot_be_started_just_now_is_tried_again(
    supervised: Callable[..., Supervised], tmp_path: Path
) -> None:
    """An empty file stands for a host without processes or memory: all three are an error of fork(2) or execve(2)."""
    program, whole = tmp_path / "program", tmp_path / "whole"
    program.touch(mode=0o700)
    whole.write_text("#!/bin/sh\nexit 5\n")
    whole.chmod(0o700)
    running = supervised({"name": "upgraded", "command": [str(program)], "restart": False})
    family = running.family()
    eventually(lambda: "starting it again in 1 s" in running.said.read_text(errors="replace"))
    assert not any(map(is_gone, family))
    whole.replace(program)
    assert end_of(running) == 5


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(supervised: Callable[..., Supervised]) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    running = supervised({"name": "deaf", "command": [sys.executable, "-c", deaf]})
    running.family()
    eventually(lambda: "| deaf" in running.said.read_text(errors="replace"))
    everybody = running.everybody()
    running.process.terminate()
    end_of(running)
    all_end(everybody)


def test_a_process_runs_in_the_environment_it_was_given(supervised: Callable[..., Supervised]) -> None:
    script = "import os; print(sorted(os.environ), flush=True)"
    # PYTHONHOME would break the keeper if it got it, too.
    environment = {"ONLY": "this", "PYTHONHOME": sys.base_prefix}
    command = [sys.executable, "-c", script]
    running = supervised({"name": "one", "command": command, "environment": environment, "restart": False})
    assert end_of(running) == 0
    said = running.said.read_text(errors="replace")
    assert "ONLY" in said
    assert "'HOME'" not in said
