"""`preread demo` as a person starts it: the report comes back, whatever is missing, and nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from service.cli.fleet import preread
from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.support import processes
from tests.support.installation import REPOSITORY
from tests.support.phantoms import phantoms
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

POOR = """
from service.embedded import orthanc, triton
from service.embedded.missing import Missing

def install(cache, say):
    raise Missing("Triton is hidden from this test.")

orthanc.find = lambda: None
triton.install = install
from service.cli import main
main()
"""
"""A machine without Orthanc on which Triton cannot run."""


@dataclass
class Demo:
    """A demo in a session of its own, whose output is read from a file."""

    folder: Path
    arguments: tuple[str, ...]
    command: tuple[str, ...] = field(default_factory=preread)
    process: subprocess.Popen[bytes] | None = None
    seen: list[psutil.Process] = field(default_factory=list)

    def start(self) -> Demo:
        self.folder.mkdir(parents=True, exist_ok=True)
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PREREAD_") or k == "PREREAD_CACHE"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.command, "demo", *self.arguments],
                stdout=log, stderr=log, env=variables, start_new_session=True, cwd=REPOSITORY,
            )  # fmt: skip
        return self

    @property
    def log(self) -> Path:
        return self.folder / "demo.txt"

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")  # it may end in the middle of a character

    def until(self, words: str) -> None:
        wait_for(lambda: words in self.said or self.code() is not None, 240, f"the demo does not say {words!r}")
        assert words in self.said, self.said

    def code(self) -> int | None:
        assert self.process is not None
        return self.process.poll()

    def end(self) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(timeout=540)

    def tree(self) -> list[psutil.Process]:
        assert self.process is not None
        self.seen = [psutil.Process(self.process.pid), *processes.below(self.process.pid)]
        return self.seen

    def left(self) -> list[str]:
        return [" ".join(line) for process in self.seen if (line := processes.command_line(process))]


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    """Demos to be ended whatever happens."""
    started: list[Demo] = []
    yield started
    for demo in started:
        if demo.process is not None and demo.code() is None:
            demo.process.terminate()
            demo.process.wait(timeout=60)


def test_two_demos_side_by_side_print_their_reports_and_end(tmp_path: Path, demos: list[Demo]) -> None:
    (phantom,) = phantoms(tmp_path / "phantoms", seed=801, count=1)
    (tmp_path / "phantoms" / "README").write_text("no DICOM")
    bundled = Demo(tmp_path / "bundled", ("--once",)).start()
    given = Demo(tmp_path / "given", ("--once", str(tmp_path / "phantoms"))).start()
    demos += [bundled, given]
    assert (bundled.end(), given.end()) == (0, 0), bundled.said + given.said
    for demo in (bundled, given):
        assert "Diagnostic Imaging Report (COMPLETE, UNVERIFIED, PRELIMINARY)" in demo.said
        assert "Imaging Measurement Report (COMPLETE, UNVERIFIED, PRELIMINARY)" in demo.said
        assert "pages: http" not in demo.said, "nothing listens there any more"
        assert "Traceback" not in demo.said
        assert not re.search(r"ERROR|WARNING|^\{", demo.said, re.MULTILINE), "log lines clutter what a person reads"
    assert "sending 1 file over" in bundled.said
    assert "not stored: README: cannot be read: It is no DICOM object." in given.said
    assert phantom.sop_instance_uid in given.said
    assert _ports(bundled.said).isdisjoint(_ports(given.said))
    expected = "archive: Orthanc" if orthanc.find() else "a small archive (Orthanc is not installed)"
    assert expected in bundled.said


def test_without_orthanc_and_triton_it_says_so_and_the_report_comes_back(tmp_path: Path, demos: list[Demo]) -> None:
    demo = Demo(tmp_path, ("--once",), (sys.executable, "-c", POOR)).start()
    demos.append(demo)
    assert demo.end() == 0, demo.said
    assert "Triton cannot run here: Triton is hidden from this test. The local engine takes over" in demo.said
    assert "local engine, no Triton; archive: a small archive (Orthanc is not installed)" in demo.said
    assert "basic-text-sr as it lies in a small archive" in demo.said
    assert "Conclusion: " in demo.said


def test_a_kept_folder_survives_kill_9_and_ctrl_c_leaves_nothing(tmp_path: Path, demos: list[Demo]) -> None:
    scp, web = choose_free(2)
    options = ("--data", str(tmp_path / "data"), "--scp-port", str(scp), "--web-port", str(web))
    first = Demo(tmp_path / "first", options).start()
    demos.append(first)
    first.until("running until Ctrl-C")
    assert f"pages: http://127.0.0.1:{web} " in first.said
    assert all(_listens(port) for port in (scp, web))
    _is_told_apart(tmp_path / "data", scp)
    processes.kill(first.tree())
    wait_for(lambda: not first.left(), what="kill -9 left something")
    second = Demo(tmp_path / "second", options).start()
    demos.append(second)
    second.until("running until Ctrl-C")
    assert "stored 1 of 1 file," in second.said
    second.tree()
    assert second.process is not None
    os.killpg(second.process.pid, signal.SIGINT)  # a terminal tells the whole foreground group
    assert second.end() == 0
    wait_for(lambda: not second.left(), what="Ctrl-C left something")
    assert "ended; every process it started is gone" in second.said
    assert not any(_listens(port) for port in (scp, web))


def _is_told_apart(data: Path, scp: int) -> None:
    """Beside a running demo: its folder and its port are taken, each told in one sentence; and `check` knows it."""
    same_folder = _once("--data", str(data))
    assert same_folder.returncode == 1
    assert f"preread already runs in {data}" in same_folder.stderr
    same_port = _once("--scp-port", str(scp))
    assert same_port.returncode == 1
    assert same_port.stderr == (
        f"preread: Port {scp} (DICOM) is in use by another program: stop that program, "
        "or choose another port with --scp-port=NUMBER.\n"
    )
    variables = {**os.environ, "PREREAD_DATA": str(data)}
    checked = subprocess.run(preread("check"), env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert "broker: answers" in checked.stdout or checked.returncode == 0, checked.stdout


def _once(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        preread("demo", "--once", *arguments), capture_output=True, text=True, timeout=120, check=False
    )


def _ports(said: str) -> set[str]:
    return set(re.findall(r"127\.0\.0\.1:(\d+)", said))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
