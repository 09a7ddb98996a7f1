"""One supervisor for a data folder, and where its embedded parts listen, for the verbs that are called beside it.

`up` and `demo` hold a lock on a file as long as they live and write into it; the kernel gives the lock back however
they end, so that what stands in the file is true while, and only while, somebody holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import psutil

from service.embedded.folders import private
from service.embedded.missing import Missing
from service.settings import Settings

FILE = "up.json"
PATIENCE_S = 12.0
"""After kill -9 of a supervisor its processes end within seconds, and hold its lock so long."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the embedded parts of a running installation listen; empty for one that is not embedded."""

    pid: int
    broker: str = ""
    models_url: str = ""


class Held:
    """The lock, held; what is posted may be read by others until it is given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def post(self, settings: Settings) -> None:
        addresses = Addresses(pid=os.getpid(), broker=settings.broker, models_url=settings.models.url)
        _write(self._file, json.dumps(asdict(addresses)))


@contextmanager
def alone(folder: Path, say: Callable[[str], None], *, patience_s: float = PATIENCE_S) -> Iterator[Held]:
    """Be the only supervisor of `folder`. Raises Missing where another one stays."""
    path = private(folder) / FILE
    with _held(path, folder, say, patience_s) as file:
        _write(file, json.dumps(asdict(Addresses(pid=os.getpid()))))
        try:
            yield Held(file)
        finally:
            path.unlink(missing_ok=True)  # before its lock is given back: whoever waits for it sees that it is no more


def running(settings: Settings) -> Settings:
    """`settings` with the addresses that a running `up` or `demo` gave the embedded parts of this data folder."""
    found = _read(settings.data / FILE)
    if found is None:
        return settings
    models = settings.models.model_copy(update={"url": settings.models.url or found.models_url})
    return settings.model_copy(update={"broker": settings.broker or found.broker, "models": models})


def _held(path: Path, folder: Path, say: Callable[[str], None], patience_s: float) -> TextIO:
    """The file at `path`, locked; one that was taken away while we waited for it is nobody's."""
    while True:
        file = _opened(path)
        try:
            _lock(file, folder, say, patience_s)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _opened(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")


def _write(file: TextIO, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _lock(file: TextIO, folder: Path, say: Callable[[str], None], patience_s: float) -> None:
    deadline, told = time.monotonic() + patience_s, False
    while not _locked(file, fcntl.LOCK_EX):
        found = _read(folder / FILE)
        if (found and psutil.pid_exists(found.pid)) or time.monotonic() > deadline:
            who = f" (process {found.pid})" if found else ""
            raise Missing(f"preread already runs in {folder}{who}: stop it there, or choose another data folder.")
        if not told:
            say(f"waiting for what ran in {folder} before to end")
        told = True
        time.sleep(0.2)


def _locked(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Addresses | None:
    """What the holder of the lock posted; None if nobody holds it."""
    try:
        file = path.open(encoding="utf-8")
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return None
    with file:
        if _locked(file, fcntl.LOCK_SH):
            return None
        text = file.read()
    return Addresses(**json.loads(text)) if text else None
