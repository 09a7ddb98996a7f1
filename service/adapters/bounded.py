"""Bounded: what may be hostile is parsed in a child process with limits on memory, CPU and time (invariant 12).

A few persistent children wait on a socket; each question carries an open file, never a path or a pickle. A child
that overruns a bound is killed and the next question starts a new one. One that does not even start, or dies of
something else than its bounds, says nothing about the object yet. Subprocesses, not multiprocessing: this works in a
process that was itself forked (Celery) and in one with threads (the receiver).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from types import MappingProxyType
from typing import Any, BinaryIO

import structlog

from service.domain.errors import Unavailable, Unreadable, Unsupported

log = structlog.get_logger("preread.bounded")

MAX_HEAD = 4 * 1024**2
READY = b"\x06"
"""What a child sends once its imports are done and its limits stand."""
OUT_OF_MEMORY = 3
"""Exit status of a child that came to its memory limit."""
_START_S = 30.0
"""How long a child may take until it is ready, on a busy machine, too."""
_QUESTIONS_PER_CHILD = 500
_CHILDREN_PER_QUESTION = 2
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ERRORS = {"unreadable": Unreadable, "unsupported": Unsupported, "unavailable": Unavailable}
_ENDS_BEYOND_BOUNDS = (OUT_OF_MEMORY, -signal.SIGXCPU)


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

        Raises Unreadable (also beyond the bounds, and when two children die of it), Unsupported, Unavailable (no child
        can be started for now).
        """
        self._after_fork()
        child = self._free.get()
        try:
            for _ in range(_CHILDREN_PER_QUESTION):
                if child is None or child.worn:
                    _end(child)
                    child = _Child(self._bounds)
                # One death may be the machine's doing: the kernel kills when memory is short. Two are the object's.
                with suppress(_Died), _as_file(stream) as file:
                    return child.ask(what, file, arguments)
            raise Unreadable("The object crashes its reader.")
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


class _Died(Exception):
    """The child died in the middle of a question, and not of its bounds."""


class _Child:
    """One child process and its socket."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._ready = False
        self._asked = 0
        try:
            self._process, self._socket = _start(bounds.memory_bytes)
        except OSError as error:
            raise Unavailable(f"No process for reading foreign objects can be started: {error.strerror}.") from error

    @property
    def worn(self) -> bool:
        """Whether it is time for a fresh one, or it is dead."""
        return self._asked >= _QUESTIONS_PER_CHILD or self._process.poll() is not None

    def ask(self, what: str, file: BinaryIO, arguments: Mapping[str, Any]) -> Reply:
        """As `Bounded.ask`, in this child only; raises _Died as well."""
        self._asked += 1
        question = json.dumps({"what": what, "cpu_s": self._bounds.cpu_s, **arguments}).encode()
        try:
            self._await_ready()
            reply = self._exchange(question, file)
        except BaseException:  # whatever came: the child is in the middle of an answer, or gone
            self.kill()
            raise
        if kind := reply.head.get("error"):
            if because := reply.head.get("because"):
                log.warning("reader failed", question=what, because=because)
            raise _ERRORS.get(kind, Unreadable)(str(reply.head.get("reason", "")))
        return reply

    def _await_ready(self) -> None:
        if self._ready:
            return
        try:
            self._receive(len(READY), time.monotonic() + _START_S)
        except OSError as error:
            raise Unavailable("The process for reading foreign objects does not start.") from error
        self._ready = True

    def _exchange(self, question: bytes, file: BinaryIO) -> Reply:
        until = time.monotonic() + self._bounds.wall_s
        try:
            self._socket.settimeout(self._bounds.wall_s)
            socket.send_fds(self._socket, [len(question).to_bytes(8, "big") + question], [file.fileno()])
            head_bytes, body_bytes = (int.from_bytes(self._receive(8, until), "big") for _ in range(2))
            if head_bytes > MAX_HEAD or body_bytes > self._bounds.answer_bytes:
                raise Unreadable("The object gives more than may be read of it.")
            return Reply(json.loads(self._receive(head_bytes, until)), self._receive(body_bytes, until))
        except TimeoutError as error:
            raise Unreadable(f"Reading the object takes longer than {self._bounds.wall_s:g} s.") from error
        except (ConnectionError, ValueError) as error:  # it is gone, or talks nonsense
            raise self._post_mortem() from error
        except OSError as error:
            raise Unavailable(f"The process for reading foreign objects cannot be asked: {error.strerror}.") from error

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

    def _post_mortem(self) -> Unreadable | _Died:
        self.kill()  # changes nothing about what it has died of
        if self._process.returncode in _ENDS_BEYOND_BOUNDS:
            return Unreadable("Reading the object takes more memory or time than it may.")
        return _Died()

    def kill(self) -> None:
        """End the process, if it has not ended; it is `worn` then."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _start(memory_bytes: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A child and our end of its socket. Raises OSError."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "service.adapters.bounded_child", str(theirs.fileno()), str(memory_bytes)]
    with theirs:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


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
