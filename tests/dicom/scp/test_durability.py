"""First durable, then yes: killed, traced and starved receivers never acknowledge what they do not have."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import UID

from dicom_nodes.send import send
from service.adapters.ledger import SqlLedger
from service.adapters.spool_files import FileSpool
from service.embedded.ports import choose_free
from tests.support.durable import missing, whole
from tests.support.instances import instance, part10, uid
from tests.support.waiting import wait_for

pytestmark = pytest.mark.dicom

KILLS = int(os.environ.get("PREREAD_TEST_KILLS", "12"))
TRACED = "fsync,rename,openat,sendto,pwrite64,write,fdatasync"


@contextmanager
def receiver(folder: Path, port: int, *, under: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A receiver process that is ready; killed at the end."""
    folder.mkdir(exist_ok=True)
    command = [*under, sys.executable, "-m", "tests.support.receiver_process", str(folder), str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()) and line.strip() != "ready":
            pass
        assert line, "the receiver did not start"
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # strace's tracee, too
        process.wait()
        process.stdout.close()


def objects(folder: Path, count: int, *, prefix: str = "") -> dict[Path, UID]:
    made = {}
    for number in range(count):
        path = folder / f"{prefix}{number}.dcm"
        path.write_bytes(part10(instance(f"{prefix}{number}", PixelData=bytes(30_000), Rows=100, Columns=150)))
        made[path] = uid("instance", f"{prefix}{number}")
    return made


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_receiver_has_everything_that_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL at random moments under load, with senders enough that admissions share transactions; ledger and spool
    are compared with what the senders were told."""
    house, (port,), chance = tmp_path / "house", choose_free(1), random.Random(7)
    acknowledged: set[UID] = set()
    for round_ in range(KILLS):
        sources = [objects(tmp_path, 5, prefix=f"r{round_}s{sender}n") for sender in range(6)]
        with receiver(house, port) as process:
            threads = [threading.Thread(target=_send_all, args=(paths, port, acknowledged)) for paths in sources]
            for thread in threads:
                thread.start()
            before = len(acknowledged)
            if round_ % 2:  # on a slow machine, too, some of the kills come amid acknowledgements
                wait_for(lambda seen=before: len(acknowledged) > seen, what="nothing is acknowledged")
            time.sleep(chance.uniform(0.1, 0.6 if round_ % 2 else 1.2))
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    lost = missing(house, acknowledged)
    print(f"acknowledged {len(acknowledged)} of {KILLS * 30} in {KILLS} kills, missing {len(lost)}")
    assert acknowledged
    assert lost == []


def _send_all(paths: dict[Path, UID], port: int, acknowledged: set[UID]) -> None:
    for sent in send(paths, host="127.0.0.1", port=port, called_ae="PREREAD"):
        if sent.stored:
            acknowledged.add(paths[sent.path])


@pytest.fixture
def strace(tmp_path: Path) -> str:
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace is not installed")
    probe = subprocess.run([path, "-o", os.devnull, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("strace may not trace here")
    return path


@pytest.mark.slow
def test_the_disk_is_asked_before_a_sender_is_answered(tmp_path: Path, strace: str) -> None:
    """fsync(file), rename, fsync(folder), the ledger's log, and only then the C-STORE response: for one sender, and for
    several, whose rows share syncs of the log."""
    trace, (port,), acknowledged = tmp_path / "trace", choose_free(1), set[UID]()
    sources = [objects(tmp_path, 5, prefix=f"s{sender}n") for sender in range(5)]
    with receiver(tmp_path / "house", port, under=(strace, "-f", "-y", "-e", f"trace={TRACED}", "-o", str(trace))):
        _send_all(sources[0], port, acknowledged)
        threads = [threading.Thread(target=_send_all, args=(paths, port, acknowledged)) for paths in sources[1:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    violations, answers, syncs = _violations(trace.read_text())
    print(f"{answers} answers, {violations} before their data were durable; {syncs} syncs of the ledger's log")
    assert len(acknowledged) == answers == 25
    assert violations == 0


def _violations(trace: str) -> tuple[int, int, int]:
    """Answers beyond the objects that were durable before a sync of the ledger's log that had ended, all answers, and
    those syncs. An object's steps are one thread's, the log may be synced by another's."""
    begun: dict[str, str] = {}
    steps: Counter[str] = Counter()
    durable_at: dict[str, int] = {}
    durable = committed = violations = answers = syncs = 0
    for line in trace.splitlines():
        thread, call = line.split(maxsplit=1)
        begins, ends = not call.startswith("<..."), not call.endswith("<unfinished ...>")
        call = call if begins else begun.pop(thread, "")
        if not ends:
            begun[thread] = call
        if re.match(r"f(data)?sync\(\d+<[^>]*ledger.sqlite-wal>", call):
            if begins:
                durable_at[thread] = durable
            if ends:
                committed, syncs = max(committed, durable_at.pop(thread)), syncs + 1
        elif re.match(r"sendto\(\d+<[^>]*>, \"\\4\\0", call) and begins:
            answers += 1
            violations += answers > committed
        elif ends and re.match(r"fsync\(\d+<[^>]*\.part>", call):
            steps[thread] = 1
        elif ends and call.startswith("rename(") and ".part" in call:
            steps[thread] += 1
        elif ends and re.match(r"fsync\(\d+<[^>]*/objects/..>", call):
            durable += steps.pop(thread) == 2
    return violations, answers, syncs


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["fsync:error=EIO", "fsync:error=ENOSPC", "rename:error=EIO"])
def test_a_failing_disk_is_never_a_success(tmp_path: Path, strace: str, fault: str) -> None:
    """One call in three fails, in each thread by itself; what was acknowledged is there all the same."""
    (port,), files, house = choose_free(1), objects(tmp_path, 12), tmp_path / "house"
    with receiver(house, port):
        pass  # folders and tables are made before the disk fails
    under = (strace, "-f", "-o", os.devnull, "-e", f"inject={fault}:when=4+3")
    with receiver(house, port, under=under):
        sent = send(files, host="127.0.0.1", port=port, called_ae="PREREAD")
    refused = [one for one in sent if not one.stored]
    print(f"{fault}: {len(refused)} of {len(sent)} refused")
    assert refused, "nothing failed: the fault did not reach the receiver"
    assert all(one.status.startswith("0xA700") for one in refused), refused
    ledger, spool = SqlLedger(f"sqlite:///{house / 'ledger.sqlite'}"), FileSpool(house / "spool")
    for one in sent:
        known = ledger.find_instance(files[one.path])
        if one.stored:
            assert known is not None
            assert whole(spool, known)
    ledger.close()
    assert not list((house / "spool" / "incoming").iterdir())
