"""Bounded: what may be hostile is parsed in a child process with limits on memory, CPU and time (invariant 12).

A few persistent children wait on a socket; each question carries an open file, never a path or a pickle. A child
that overruns a bound is killed and the next question starts a new one. Subprocesses, not multiprocessing: this
works in a process that was itself forked (Celery) and in one with threads (the receiver).
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from types import MappingProxyType
from typing import Any, BinaryIO

import structlog

from service.domain.errors import PrereadError, Unavailable, Unreadable, Unsupported

log = structlog.get_logger("preread.bounded")

MAX_HEAD = 4 * 1024**2
_QUESTIONS_PER_CHILD = 500
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ERRORS = {"unreadable": Unreadable, "unsupported": Unsupported}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What one question may use; a child is started with its memory and asked with its times."""

    memory_bytes: int
    cpu_s: int
    wall_s: float
    answer_bytes: int
    """Largest answer body."""


HEADER_BOUNDS = Bounds(memory_bytes=1024**3, cpu_s=5, wall_s=15, answer_bytes=MAX_HEAD)
PIXEL_BOUNDS = Bounds(memory_bytes=2 * 1024**3, cpu_s=60, wall_s=120, answer_bytes=512 * 1024**2)


@dataclass(frozen=True, slots=True)
class Reply:
    """JSON and bytes that a child answered."""

    head: Mapping[str, Any]
    body: bytearray


class Bounded:
    """At most `children` questions are asked at once; others wait their turn. Thread-safe, fork-safe."""

    def __init__(self, bounds: Bounds, *, children: int = 2) -> None:
        self._bounds = bounds
        self._children = children
        self._pid = 0
        self._free: queue.Queue[_Child | None] = queue.Queue()

    def ask(self, what: str, stream: BinaryIO, arguments: Mapping[str, Any] = _NOTHING) -> Reply:
        """Ask a child about `stream`, whose position is undefined afterwards.

        Raises Unreadable (also beyond the bounds), Unsupported, Unavailable (no process can be started).
        """
        self._after_fork()
        child = self._free.get()
        try:
            if child is not None and child.worn:
                _end(child)
                child = None
            child = child or _Child(self._bounds)
            with _as_file(stream) as file:
                return child.ask(what, file, arguments)
        except PrereadError:
            raise
        except BaseException as error:  # whatever else came: the child is in the middle of an answer, or gone
            _end(child)
            child = None
            if isinstance(error, _Overrun):
                raise Unreadable(str(error)) from None
            raise
        finally:
            self._free.put(child)

    def close(self) -> None:
        """End every child that is not at work."""
        self._after_fork()
        ended = 0
        while ended < self._children:
            _end(self._free.get())
            ended += 1
        for _ in range(ended):
            self._free.put(None)

    def _after_fork(self) -> None:
        """Children belong to the process that started them."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._free = queue.Queue()
            for _ in range(self._children):
                self._free.put(None)


class _Overrun(Exception):
    """The child went beyond a bound or died."""


class _Child:
    """One child process and its socket."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._asked = 0
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "service.adapters.bounded_child", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                [*command, str(bounds.memory_bytes)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise Unavailable(f"No process for reading foreign objects can be started: {error.strerror}.") from error
        finally:
            theirs.close()
        self._socket = ours

    @property
    def worn(self) -> bool:
        """Whether it is time for a fresh one, or it is dead."""
        return self._asked >= _QUESTIONS_PER_CHILD or self._process.poll() is not None

    def ask(self, what: str, file: BinaryIO, arguments: Mapping[str, Any]) -> Reply:
        self._asked += 1
        until = time.monotonic() + self._bounds.wall_s
        question = json.dumps({"what": what, "cpu_s": self._bounds.cpu_s, **arguments}).encode()
        try:
            self._socket.settimeout(self._bounds.wall_s)
            socket.send_fds(self._socket, [len(question).to_bytes(8, "big") + question], [file.fileno()])
            head_bytes, body_bytes = (int.from_bytes(self._receive(8, until), "big") for _ in range(2))
            if head_bytes > MAX_HEAD or body_bytes > self._bounds.answer_bytes:
                raise _Overrun("The object gives more than may be read of it.")
            head: dict[str, Any] = json.loads(self._receive(head_bytes, until))
            body = self._receive(body_bytes, until)
        except (OSError, ValueError) as error:
            raise _Overrun(self._post_mortem()) from error
        if kind := head.get("error"):
            if because := head.get("because"):
                log.warning("reader failed", question=what, because=because)
            raise _ERRORS.get(kind, Unreadable)(str(head.get("reason", "")))
        return Reply(head, body)

    def _receive(self, size: int, until: float) -> bytearray:
        buffer = bytearray(size)
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            received = self._socket.recv_into(rest)
            if not received:
                raise ConnectionError("the child is gone")
            rest = rest[received:]
        return buffer

    def _post_mortem(self) -> str:
        try:
            self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            return f"Reading the object takes longer than {self._bounds.wall_s:g} s."
        return "Reading the object takes more memory or time than it may, or crashes its reader."

    def kill(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _end(child: _Child | None) -> None:
    """Kill `child`, if there is one; its place is empty then."""
    if child is not None:
        child.kill()


def _environment() -> dict[str, str]:
    """No secrets; one thread, because thread stacks count against the memory limit."""
    root = Path(__file__).resolve().parent.parent.parent
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    return {**kept, **single, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}


class _as_file:
    """A real file descriptor for `stream`: its own, or that of an unnamed copy."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._copy: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        try:
            self._stream.fileno()
        except (OSError, AttributeError):
            self._copy = tempfile.TemporaryFile()
            self._stream.seek(0)
            copyfileobj(self._stream, self._copy)
            self._copy.flush()
            return self._copy
        return self._stream

    def __exit__(self, *ended: object) -> None:
        if self._copy is not None:
            self._copy.close()
