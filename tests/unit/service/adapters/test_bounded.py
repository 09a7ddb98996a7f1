"""The bounded child: used again, replaced when it dies, killed when it takes too long, safe after a fork."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from service.adapters.bounded import HEADER_BOUNDS, Bounded
from service.domain.errors import Unreadable
from tests.support.instances import hostile, instance, part10

GOOD = part10(instance(), DeflatedExplicitVRLittleEndian)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "bounded_child" in " ".join(child.cmdline())]


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


def test_a_child_beyond_its_time_is_killed(bounded: Bounded) -> None:
    slow = Bounded(replace(HEADER_BOUNDS, wall_s=0.05, memory_bytes=8 * 1024**3), children=1)
    started = time.monotonic()
    with pytest.raises(Unreadable, match="longer than"):
        slow.ask("header", BytesIO(hostile()["a deflate bomb of 2 GB"]))
    assert time.monotonic() - started < 3
    slow.close()


def test_questions_from_many_threads_are_all_answered(bounded: Bounded) -> None:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(bounded.ask("header", BytesIO(GOOD)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
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
