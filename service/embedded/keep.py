"""Keep one command running: `PREREAD_KEEP=ORDERS python -m service.embedded.keep`.

The supervisor wraps every process in this, because honcho ends all processes when one ends. A command that crashes, or
is killed with -9, comes back after a growing pause, and so does one that cannot be started for want of processes or
memory; what it started (Triton's stubs, Celery's children) is gone before it does. When the supervisor itself is gone,
however it went, everything here ends within a second.

The orders travel in the environment: a secret in one stays off the process list, and `pkill -f worker` finds the worker
and not what would start it again.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A command that ran so long has recovered: its next crash counts as the first one."""
GRACE_S = 4.0
"""From SIGTERM to SIGKILL; honcho kills us after five seconds."""
WATCH_EVERY_S = 1.0
GIVE_UP = os.EX_CONFIG
"""A command that ends so (78) says that starting it again cannot help; everything is stopped."""
ORDERS = "PREREAD_KEEP"
"""The environment variable with the orders as JSON."""
PR_SET_PDEATHSIG = 1
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Crashes:
    """How often in a row a command has crashed."""

    count: int = 0

    def after(self, ran_s: float) -> "Crashes":
        """Return the count after one more crash, `ran_s` after the start."""
        return Crashes(1) if ran_s >= HEALTHY_AFTER_S else replace(self, count=self.count + 1)

    @property
    def pause_s(self) -> float:
        """How long to wait before the next start: 0.5, 1, 2, ... at most 30 seconds."""
        doublings = min(max(0, self.count - 1), 10)  # a float ends somewhere, a crash loop may not
        return min(FIRST_PAUSE_S * 2.0**doublings, LONGEST_PAUSE_S)


@dataclass(frozen=True)
class Orders:
    """What to keep, and how."""

    command: tuple[str, ...]
    supervisor: int
    """The process id whose end is ours, too."""
    environment: Mapping[str, str] | None = None
    """The command's whole environment; None for ours. One made for Triton would mislead our own interpreter."""
    restart: bool = True
    shared_memory: str = ""
    """Beginning of the names under /dev/shm that a killed command leaves behind; empty for none."""

    def written(self) -> str:
        """Return the orders as `read` reads them."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Orders":
        """Return the orders that `written` wrote."""
        found = json.loads(text)
        return cls(**{**found, "command": tuple(found["command"])})


def how_it_ended(code: int) -> str:
    """Return an exit status of subprocess in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def exit_code(code: int) -> int:
    """Return what a shell would report for an exit status of subprocess."""
    return 128 - code if code < 0 else code


class Keeper:
    """Runs the command, waits, and decides what an end means."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._told_to_stop = False
        self._wake = self._catch_signals()
        self._supervisor = _process(orders.supervisor)

    def run(self) -> int:
        """Return the exit code once the command has ended for good or we were told to stop."""
        crashes = Crashes()
        while not self._stopping():
            started = time.monotonic()
            self._sweep_shared_memory()
            try:
                child = self._start()
            except (FileNotFoundError, PermissionError) as problem:
                _say(f"cannot be started: {problem}")
                return GIVE_UP
            except (OSError, subprocess.SubprocessError) as problem:  # EAGAIN, ENOMEM: the host may get over it
                ended = f"cannot be started: {problem}"
            else:
                code = self._wait(child)
                if not self._stopping() and (code == GIVE_UP or not self._orders.restart):
                    return exit_code(code)
                ended = how_it_ended(code)
            if self._stopping():
                break
            crashes = crashes.after(time.monotonic() - started)
            _say(f"{ended}; starting it again in {crashes.pause_s:g} s")
            self._sleep(crashes.pause_s)
        self._sweep_shared_memory()
        return 0

    def _stopping(self) -> bool:
        return self._told_to_stop

    def _catch_signals(self) -> int:
        """Let SIGTERM, SIGINT and SIGCHLD end a wait; return the pipe that tells of them."""
        wake, ring = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(ring, False)
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        return wake

    def _stop(self, number: int, frame: object) -> None:
        self._told_to_stop = True

    def _start(self) -> subprocess.Popen[bytes]:
        ours = os.getpid()
        return subprocess.Popen(
            self._orders.command,
            env=self._orders.environment,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=lambda: end_with_parent(ours),  # we have one thread, so this is safe
        )

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        """Return the child's exit status; when told to stop, after SIGTERM and, past the grace, SIGKILL.

        Nothing of its group is left then.
        """
        kill_at: float | None = None
        while (code := child.poll()) is None:
            self._watch_supervisor()
            if self._stopping() and kill_at is None:
                child.terminate()  # not its group: Celery and Triton end their own children in order
                kill_at = time.monotonic() + GRACE_S
            if kill_at is not None and time.monotonic() >= kill_at:
                _signal_group(child.pid, signal.SIGKILL)
            self._listen(0.1 if kill_at else WATCH_EVERY_S)
        _signal_group(child.pid, signal.SIGKILL)  # what it started and left behind
        return code

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping() and (left_s := until - time.monotonic()) > 0:
            self._watch_supervisor()
            self._listen(min(left_s, WATCH_EVERY_S))

    def _listen(self, seconds: float) -> None:
        """Wait so long, or until a signal arrives."""
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def _watch_supervisor(self) -> None:
        if self._supervisor is None or not _alive(self._supervisor):
            self._told_to_stop = True

    def _sweep_shared_memory(self) -> None:
        if self._orders.shared_memory:
            for left in SHARED_MEMORY.glob(f"{self._orders.shared_memory}*"):
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    left.unlink()


def end_with_parent(parent: int) -> None:
    """Have the kernel send us SIGTERM when our parent dies (prctl(2), Linux); elsewhere the watch alone does it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _alive(process: psutil.Process) -> bool:
    """Whether `process` still runs; a zombie, or another process with the same id, does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal_group(group: int, number: signal.Signals) -> None:
    # A group that is gone, or on macOS one whose members are all zombies, needs no signal.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _say(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    """Run the command that the environment orders."""
    return Keeper(Orders.read(os.environ.pop(ORDERS))).run()


if __name__ == "__main__":
    sys.exit(main())
