"""One command that starts and watches all processes: honcho's Manager with every process wrapped in `keep`.

honcho multiplexes the output and ends all processes when one ends or on Ctrl-C and SIGTERM; `keep` starts a crashed
one again, so that honcho sees an end only when a person asked for it, when a process with `restart=False` is done, or
when one says by exit code 78 that starting it again cannot help. Killed with -9, the supervisor takes everything along.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from honcho.manager import Manager
from honcho.printer import Printer

from service.embedded.keep import ORDERS, Orders


@dataclass(frozen=True)
class Process:
    """A process to run."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    """The whole environment; None for ours."""
    folder: Path | None = None
    """Where it runs; None for where we are."""
    restart: bool = True
    """Whether it comes back when it ends by itself. One that does not ends everything, with its exit code."""
    quiet: bool = False
    """Whether what it prints is dropped."""
    shared_memory: str = field(default="", kw_only=True)
    """Beginning of the names under /dev/shm to remove before each start."""


def shell_line(python: str = sys.executable) -> str:
    """Return the line that honcho hands to the shell; `exec` leaves no shell behind."""
    return f"exec {shlex.join([python, '-P', '-m', 'service.embedded.keep'])}"


def environment_of(process: Process, supervisor: int, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the keeper of `process`: ours and its orders."""
    orders = Orders(
        command=process.command,
        supervisor=supervisor,
        environment=None if process.environment is None else dict(process.environment),
        restart=process.restart,
        shared_memory=process.shared_memory,
    )
    return {**ours, ORDERS: orders.written()}


def supervise(processes: Iterable[Process], *, out: TextIO | None = None) -> int:
    """Run `processes` until one ends for good, or Ctrl-C or SIGTERM; none of them is left when this returns.

    Returns the exit code: the one of the process that ended, 130 after Ctrl-C, 143 after SIGTERM. Must be called in the
    main thread, because honcho installs signal handlers.
    """
    manager = Manager(Printer(out or sys.stdout))
    for process in processes:
        manager.add_process(
            process.name,
            shell_line(),
            quiet=process.quiet,
            env=environment_of(process, os.getpid(), os.environ),
            cwd=str(process.folder) if process.folder else None,
        )
    manager.loop()
    return int(manager.returncode or 0)
