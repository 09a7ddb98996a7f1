"""The receiver against DCMTK's storescp and Orthanc, object for object, each in a process and folder of its own.

    python -m tests.bench.receiver [--rounds 5] [--folder FOLDER] [--before CHECKOUT]

What counts is answered with Success. Ours then is on the disk with its row (fsync, commit); Orthanc syncs and indexes;
storescp does neither. FOLDER should lie on the disk that is meant: in a tmpfs nothing is durable. CHECKOUT is another
version of preread: then it takes the peers' place, and what is told of both is rate and processor time per object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import psutil

from service.embedded.ports import choose_free
from tests.bench.blast import Objects, blast, ct, send_large
from tests.bench.rounds import Measured, against, interleaved, machine
from tests.support.waiting import wait_for

OURS, STORESCP, ORTHANC, BEFORE = "preread", "storescp", "Orthanc", "before"
CT, SMALL = ct(64, side=512), ct(160, side=140)
STOCK = ct(16, side=512)
TARGETS = {  # objects a second, ours over theirs
    ("CT", 1): {STORESCP: 0.55, ORTHANC: 4}, ("CT", 4): {STORESCP: 1.0, ORTHANC: 8}, ("CT", 8): {STORESCP: 1.5},
    ("small", 4): {},
}  # fmt: skip
STOCK_TARGETS = {STORESCP: 8.0, ORTHANC: 10.0}
CPU_TARGETS = {STORESCP: 0.7, ORTHANC: 0.12}
LARGE_MB, LARGE_TARGET_MIB = 500, 16


def ours(folder: Path, port: int, http: int) -> list[str]:
    return [sys.executable, "-m", "tests.support.receiver_process", str(folder), str(port)]


def storescp(folder: Path, port: int, http: int) -> list[str]:
    return ["storescp", "--fork", "-q", "-pdu", "131072", "-od", str(folder), str(port)]


def orthanc(folder: Path, port: int, http: int) -> list[str]:
    configuration = {
        "StorageDirectory": str(folder), "IndexDirectory": str(folder), "DicomPort": port, "HttpPort": http,
        "StableAge": 1, "AuthenticationEnabled": False, "RemoteAccessAllowed": False, "Plugins": [],
    }  # fmt: skip
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration))
    return ["Orthanc", str(file)]


Command = Callable[[Path, int, int], list[str]]
COMMANDS: Mapping[str, tuple[str, Command]] = {
    OURS: (sys.executable, ours),
    STORESCP: ("storescp", storescp),
    ORTHANC: ("Orthanc", orthanc),
}


class Receiver:
    """One receiver, which stays up while the others are measured; every object it is sent is new to it."""

    def __init__(self, name: str, folder: Path, command: Command, *, checkout: Path | None = None) -> None:
        """`command` is run in `checkout`, or where we are."""
        folder.mkdir()
        self.name, self._folder = name, folder
        self.cpu_ms: dict[tuple[str, int], list[float]] = defaultdict(list)
        """Of the process and its children, for each object."""
        self._port, http = choose_free(2)
        with (folder.parent / f"{name}.log").open("wb") as log:
            environ = {**os.environ, "TCP_NODELAY": "1"}
            self._process = subprocess.Popen(
                command(folder, self._port, http), stdout=log, stderr=log, env=environ, cwd=checkout
            )
        wait_for(lambda: listens(self._port), 120, f"{name} does not listen")

    def per_second(self, kind: str, objects: Objects, associations: int) -> float:
        """Objects stored in a second from a sender that costs nothing."""
        return self._measure((kind, associations), objects, lambda: blast(self._port, objects, associations))

    def from_stock_sender(self, objects: Objects) -> float:
        """Objects stored in a second from DCMTK's dcmsend as it comes, with Nagle's algorithm."""
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as made:
            files = objects.write(Path(made))
            return self._measure(("stock", 1), objects, lambda: dcmsend(self._port, files))

    def extra_mib(self, megabytes: int) -> float:
        """Memory that it takes beyond what it has, at most, while one large object comes."""
        before, most, done = rss_mib(self._process.pid), 0.0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.005):
                most = max(most, rss_mib(self._process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            send_large(self._port, megabytes)
        finally:
            done.set()
            watching.join()
        return most - before

    def _measure(self, kind: tuple[str, int], objects: Objects, send: Callable[[], float]) -> float:
        os.sync()
        before = cpu_s(self._process.pid)
        took_s = send()
        self.cpu_ms[kind].append(1000 * (cpu_s(self._process.pid) - before) / objects.count)
        return objects.count / took_s

    def end(self) -> None:
        for child in psutil.Process(self._process.pid).children(recursive=True):
            child.kill()
        self._process.kill()
        self._process.wait()


def dcmsend(port: int, files: list[Path]) -> float:
    """Seconds that DCMTK's sender takes for `files`, its start included."""
    environ = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    command = ["dcmsend", "-q", "-nuc", "-aet", "RAW", "-aec", "PREREAD", "127.0.0.1", str(port), *map(str, files)]
    begun = time.perf_counter()
    subprocess.run(command, check=True, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process and all its children took, those that ended included."""
    family = psutil.Process(pid)
    total = 0.0
    for process in [family, *family.children(recursive=True)]:
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def rss_mib(pid: int) -> float:
    """Memory of a process and its children, in MiB."""
    total = 0
    for process in [(family := psutil.Process(pid)), *family.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / 2**20


def versions() -> str:
    """The peers as they are installed."""
    told = [subprocess.run([name, "--version"], capture_output=True, text=True) for name in ("storescp", "Orthanc")]
    return "; ".join(one.stdout.splitlines()[0].strip("$ ") for one in told if one.stdout)


def tell(what: str, measured: Measured, targets: Mapping[str, float]) -> None:
    print(what, "; ".join(f"{name} {measured.median(name):.0f}/s" for name in measured.figures), flush=True)
    for peer in [name for name in measured.figures if name != OURS]:
        print("  " + against(measured, OURS, peer, targets.get(peer), unit="/s"))


def tell_cpu(receivers: Mapping[str, Receiver], warm: int) -> None:
    figures = {name: tuple(receiver.cpu_ms["CT", 1][warm:]) for name, receiver in receivers.items()}
    for peer, target in CPU_TARGETS.items():
        if peer in figures:
            print("  CPU " + against(Measured(figures), OURS, peer, target, unit="ms per CT slice", least=False))


def main() -> None:
    """Every kind and number of associations, each against every peer that is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT")
    arguments = parser.parse_args()
    print(machine(), versions(), sep="\n")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made, ExitStack() as started:
        receivers = {}
        for name, (program, command) in COMMANDS.items():
            if arguments.before and name != OURS:
                continue
            if shutil.which(program):
                receivers[name] = Receiver(name, Path(made) / name, command)
                started.callback(receivers[name].end)
            else:
                print(f"{name} is not installed and takes no part")
        if arguments.before:
            receivers[BEFORE] = Receiver(BEFORE, Path(made) / BEFORE, ours, checkout=arguments.before)
            started.callback(receivers[BEFORE].end)
            compare_versions(receivers, arguments.rounds)
        else:
            compare(receivers, arguments.rounds)


def compare_versions(receivers: Mapping[str, Receiver], rounds: int) -> None:
    """The same loads to two versions of ours: how many times as fast, and the processor's share of each object."""
    for kind, associations in [("CT", 1), ("CT", 4), ("small", 8)]:
        objects = CT if kind == "CT" else SMALL
        each = {name: partial(one.per_second, kind, objects, associations) for name, one in receivers.items()}
        measured = interleaved(each, rounds)
        print(f"{kind}, {associations} associations:", against(measured, OURS, BEFORE, None, unit="/s"))
        cpu = Measured({name: tuple(one.cpu_ms[kind, associations][1:]) for name, one in receivers.items()})
        print("  CPU", against(cpu, OURS, BEFORE, None, unit="ms per object"), flush=True)


def compare(receivers: Mapping[str, Receiver], rounds: int) -> None:
    """Each kind of load, in turn to each receiver."""
    for (kind, associations), targets in TARGETS.items():
        objects = CT if kind == "CT" else SMALL
        each = {name: partial(one.per_second, kind, objects, associations) for name, one in receivers.items()}
        tell(f"{kind}, {associations} associations:", interleaved(each, rounds), targets)
    tell_cpu(receivers, warm=1)
    if shutil.which("dcmsend"):
        stock = {name: partial(one.from_stock_sender, STOCK) for name, one in receivers.items()}
        tell("stock dcmsend, 1 association:", interleaved(stock, rounds), STOCK_TARGETS)
    told = [f"{name} {one.extra_mib(LARGE_MB):.0f}" for name, one in receivers.items()]
    print(f"one object of {LARGE_MB} MB, extra memory in MiB: {'; '.join(told)} (target <= {LARGE_TARGET_MIB})")


if __name__ == "__main__":
    main()
