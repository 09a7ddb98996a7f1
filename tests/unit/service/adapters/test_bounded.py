"""The bounded child: used again, replaced when it dies, killed when it takes too long, safe after a fork."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from service.adapters import bounded_child
from service.adapters.bounded import HEADER_BOUNDS, OUT_OF_MEMORY, READY, Bounded
from service.domain.errors import PrereadError, Unavailable, Unreadable
from tests.support.instances import hostile, instance, part10
from tests.support.processes import below, command_line

GOOD = part10(instance(), DeflatedExplicitVRLittleEndian)


def children() -> list[psutil.Process]:
    return [child for child in below(os.getpid(), recursive=False) if "bounded_child" in " ".join(command_line(child))]


@pytest.fixture
def bounded() -> Iterator[Bounded]:
    made = Bounded(HEADER_BOUNDS, children=2)
    yield made
    made.close()
    assert not children()


def test_one_child_answers_many_questions(bounded: Bounded) -> None:
    for _ in range(5):
        assert bounded.ask("header", BytesIO(GOOD)).head["syntax"] == DeflatedExplicitVRLittleEndian
    assert len(children()) <= 2


def test_a_file_is_read_through_its_descriptor(bounded: Bounded, tmp_path: Path) -> None:
    path = tmp_path / "unlinked.dcm"
    path.write_bytes(GOOD)
    with path.open("rb") as file:
        path.unlink()
        assert bounded.ask("header", file).head["values"]


def test_a_child_that_dies_is_replaced(bounded: Bounded) -> None:
    bounded.ask("header", BytesIO(GOOD))
    for child in children():
        child.kill()
        child.wait()
    assert bounded.ask("header", BytesIO(GOOD)).head["values"]


class ReaderKiller(BytesIO):
    """A stream whose first reader is killed in the middle of the question, as the kernel does when memory is short."""

    killed = False

    def fileno(self) -> int:
        if not self.killed:
            self.killed = True
            for child in children():
                child.kill()
        return super().fileno()


def test_a_child_that_is_killed_at_work_says_nothing_about_the_object() -> None:
    single = Bounded(HEADER_BOUNDS, children=1)
    single.ask("header", BytesIO(GOOD))
    stream = ReaderKiller(GOOD)
    assert single.ask("header", stream).head["values"]
    assert stream.killed
    single.close()


class StandIn:
    """A program in the child's place, which notes that it starts; `then` finds its socket in `connection`."""

    def __init__(self, folder: Path, then: str) -> None:
        self._notes = folder / "starts"
        self._notes.touch()
        script = folder / "child.py"
        script.write_text(f"""
import os, signal, socket, sys
with open({str(self._notes)!r}, "a") as notes:
    notes.write("x")
connection = socket.socket(fileno=int(sys.argv[-2]))
{then}
""")
        self.program = folder / "python"
        self.program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {script} "$@"\n')
        self.program.chmod(0o700)

    @property
    def starts(self) -> int:
        return len(self._notes.read_text())


HEARD = f"connection.sendall({READY!r}); connection.recv(9); "
ENDS: dict[str, tuple[str, type[PrereadError], int]] = {
    "while it starts": ("sys.exit(1)", Unavailable, 1),
    "killed while it starts": ("os.kill(os.getpid(), signal.SIGKILL)", Unavailable, 1),
    "at every question": (HEARD + "os.kill(os.getpid(), signal.SIGSEGV)", Unreadable, 2),
    "of its memory limit": (HEARD + f"os._exit({OUT_OF_MEMORY})", Unreadable, 1),
    "of its CPU limit": (HEARD + "os.kill(os.getpid(), signal.SIGXCPU)", Unreadable, 1),
}


@pytest.mark.parametrize(("then", "error", "starts"), ENDS.values(), ids=ENDS)
def test_what_a_child_dies_of_decides_whose_fault_it_is(
    bounded: Bounded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    error: type[PrereadError],
    starts: int,
) -> None:
    stand_in = StandIn(tmp_path, then)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(stand_in.program))
        with pytest.raises(error):
            bounded.ask("header", BytesIO(GOOD))
    assert stand_in.starts == starts
    assert bounded.ask("header", BytesIO(GOOD)).head["values"]


def test_a_process_without_a_free_descriptor_blames_no_object(bounded: Bounded) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(Unavailable, match="Too many open files"):
            bounded.ask("header", BytesIO(GOOD))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bounded.ask("header", BytesIO(GOOD)).head["values"]


def test_a_child_that_runs_out_of_cpu_time_is_not_asked_again() -> None:
    short = Bounded(replace(HEADER_BOUNDS, cpu_s=0, memory_bytes=8 * 1024**3), children=1)
    with pytest.raises(Unreadable, match="more memory or time"):
        short.ask("header", BytesIO(hostile()["a deflate bomb of 2 GB"]))
    short.close()


def test_a_module_that_cannot_be_loaded_is_not_the_objects_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "good.dcm"
    path.write_bytes(GOOD)
    monkeypatch.setitem(sys.modules, "service.adapters.foreign_pixels", None)
    head, _ = bounded_child._answer({"what": "frame", "frame": 1}, os.open(path, os.O_RDONLY))
    assert head["error"] == "unavailable"


def test_a_child_beyond_its_time_is_killed(bounded: Bounded) -> None:
    slow = Bounded(replace(HEADER_BOUNDS, wall_s=0.05, memory_bytes=8 * 1024**3), children=1)
    before = set(below(os.getpid()))
    with pytest.raises(Unreadable, match="longer than"):
        slow.ask("header", BytesIO(hostile()["a deflate bomb of 2 GB"]))
    assert set(below(os.getpid())) - before == set()
    slow.close()


def test_questions_from_many_threads_are_all_answered(bounded: Bounded) -> None:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(bounded.ask("header", BytesIO(GOOD)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == 16
    assert len(children()) == 2


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_starts_its_own_children(bounded: Bounded) -> None:
    bounded.ask("header", BytesIO(GOOD))
    before = {child.pid for child in children()}
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            bounded.ask("header", BytesIO(GOOD))
            bounded.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert before <= {child.pid for child in children()}
    assert bounded.ask("header", BytesIO(GOOD)).head["values"]


def test_the_child_inherits_no_secret(bounded: Bounded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREREAD_DATABASE", "postgresql://user:secret@host/db")
    bounded.ask("header", BytesIO(GOOD))
    environments = [str(child.environ()) for child in children()]
    assert environments
    assert not [environment for environment in environments if "secret" in environment]
