"""STOW-RS: our front door against Orthanc's DICOMweb plug-in, each in a process and folder of its own.

    python -m tests.bench.stow [--rounds 5] [--folder FOLDER]

What counts is answered as stored. Ours then is on the disk with its row (fsync, commit); Orthanc syncs and indexes.
Every object is new to both. FOLDER should lie on the disk that is meant: in a tmpfs nothing is durable.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from dicom_nodes.part10 import file_meta
from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.bench.blast import PLACE, Objects, ct
from tests.bench.receiver import cpu_s, listens, versions
from tests.bench.rounds import Measured, against, interleaved, machine
from tests.support.judging import PLUGIN
from tests.support.store_process import SENDER_SECRET
from tests.support.storing import HEADERS, message
from tests.support.waiting import wait_for

OURS, ORTHANC = "preread", "Orthanc"
LOADS: Mapping[str, tuple[Objects, int, int, float]] = {
    "CT, one request": (ct(48, side=512), 1, 48, 5),
    "CT, an object a request": (ct(48, side=512), 1, 1, 5),
    "CT, 4 connections": (ct(64, side=512), 4, 16, 5),
    "small, one request": (ct(160, side=140), 1, 160, 8),
}
"""Objects, connections, objects of one request, target (objects a second, ours over theirs)."""


def ours(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "tests.support.store_process", str(folder), str(port)]


def theirs(folder: Path, port: int) -> list[str]:
    """As delivered and tuned: StableAge 1, the plug-in alone."""
    program = orthanc.find()
    assert program is not None
    (dicom_port,) = choose_free(1)
    options = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
    return list(orthanc.Orthanc(folder=folder, dicom_port=dicom_port, http_port=port, options=options).command(program))


COMMANDS: Mapping[str, Callable[[Path, int], list[str]]] = {OURS: ours, ORTHANC: theirs}


class Door:
    """One that stores, and stays up while the other is measured."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir()
        (self._port,) = choose_free(1)
        self.cpu_ms: dict[str, list[float]] = defaultdict(list)
        with (folder.parent / f"{name}.log").open("wb") as log:
            self._process = subprocess.Popen(COMMANDS[name](folder, self._port), stdout=log, stderr=log)
        wait_for(lambda: listens(self._port), 120, f"{name} does not listen")

    def per_second(self, load: str) -> float:
        """Objects stored in a second from a sender that costs nothing."""
        objects, connections, each, _ = LOADS[load]
        lines = [Line(self._port, objects, objects.count // connections, each) for _ in range(connections)]
        os.sync()
        before, begun = cpu_s(self._process.pid), time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(Line.send, lines))
        took_s = time.perf_counter() - begun
        self.cpu_ms[load].append(1000 * (cpu_s(self._process.pid) - before) / objects.count)
        return objects.count / took_s

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Line:
    """One connection with the requests that it will carry."""

    def __init__(self, port: int, objects: Objects, count: int, each: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._each = each
        files = [_file(objects) for _ in range(count)]
        self._requests = [_request(files[at : at + each]) for at in range(0, count, each)]

    def send(self) -> None:
        """Each request as soon as the one before was answered. Raises AssertionError where not all was stored."""
        for request in self._requests:
            self._socket.sendall(request)
            head, body = self._answer()
            assert head.split()[1] == b"200", head
            assert len(json.loads(body)["00081199"]["Value"]) == self._each
        self._socket.close()

    def _answer(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        named = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        while len(body) < int(named[b"content-length"]):
            body += self._more()
        return head, body

    def _more(self) -> bytes:
        more = self._socket.recv(1024**2)
        assert more, "the connection was closed"
        return more


def _file(objects: Objects) -> bytes:
    own = (str(generate_uid(entropy_srcs=None)) + "1" * 64)[:64].rstrip(".")
    meta = file_meta(sop_class_uid=CTImageStorage, sop_instance_uid=own, transfer_syntax_uid=ExplicitVRLittleEndian)
    return meta + objects.encoded.replace(PLACE.encode(), own.encode())


def _request(files: list[bytes]) -> bytes:
    body = message(*files)
    headers = HEADERS | {
        "Host": "127.0.0.1", "Authorization": f"Bearer {SENDER_SECRET}", "Content-Length": str(len(body)),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /dicom-web/studies HTTP/1.1\r\n{head}\r\n".encode() + body


def main() -> None:
    """Every load, in turn to each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print(machine(), versions(), sep="\n", flush=True)
    peers = [OURS, *([ORTHANC] if orthanc.find() and PLUGIN.is_file() else [])]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made, ExitStack() as started:
        doors = {}
        for name in peers:
            doors[name] = Door(name, Path(made) / name)
            started.callback(doors[name].end)
        for load in LOADS:
            tell(load, doors, arguments.rounds)


def tell(load: str, doors: Mapping[str, Door], rounds: int) -> None:
    rates = interleaved({name: partial(door.per_second, load) for name, door in doors.items()}, rounds)
    print(f"{load}:", "; ".join(f"{name} {rates.median(name):.0f}/s" for name in doors))
    if ORTHANC in doors:
        cpu = Measured({name: tuple(door.cpu_ms[load][1:]) for name, door in doors.items()})
        print("  " + against(rates, OURS, ORTHANC, LOADS[load][3], unit="/s"))
        print("  CPU " + against(cpu, OURS, ORTHANC, None, unit="ms an object"), flush=True)


if __name__ == "__main__":
    main()
