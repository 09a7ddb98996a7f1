"""Spool on local files: content-addressed, fsynced before they have their name, named by no sender.

Bytes on their way in are `incoming/<random>.part`; kept ones are `objects/ab/<sha256>.dcm`, whose location is
`main:ab/<sha256>.dcm`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from service.adapters.durable import fsync_folder, make_folder
from service.domain.errors import Full, Gone, Unavailable
from service.ports.spool import Incoming, StoredBytes

VOLUME = "main"
_LOCATION = re.compile(VOLUME + r":([0-9a-f]{2})/(\1[0-9a-f]{62})\.dcm")
_LEFTOVER_AGE = timedelta(hours=6)
"""A partial file that nobody has written to for this long belongs to a process that died."""


class FileSpool:
    """`service.ports.spool.Spool` below one folder; several processes may share it."""

    def __init__(self, folder: Path, *, reserve_bytes: int = 0, leftover_age: timedelta = _LEFTOVER_AGE) -> None:
        self._folder = folder.resolve()
        self._reserve_bytes = reserve_bytes
        self._incoming = self._folder / "incoming"
        self._objects = self._folder / "objects"
        with _disk("The spool folder cannot be made"):
            for made in (self._incoming, self._objects):
                make_folder(made, mode=0o700)
            self._make_shelves()
            self._sweep(leftover_age)

    def incoming(self) -> Incoming:
        if not self.has_room():
            raise Full(f"The spool's disk is below its reserve of {self._reserve_bytes} bytes; free some space.")
        with _disk("No file can be begun in the spool"):
            return _Partial(self, self._incoming / f"{uuid.uuid4().hex}.part")

    def open(self, location: str) -> BinaryIO:
        try:
            return self._path(location).open("rb")
        except FileNotFoundError as error:
            raise Gone(f"The spool does not give {location}: it is there no more.") from error
        except OSError as error:
            raise Unavailable(f"The spool does not give {location}: {error.strerror}.") from error

    def remove(self, location: str) -> None:
        with _disk(f"{location} cannot be removed"):
            self._path(location).unlink(missing_ok=True)

    def has_room(self) -> bool:
        return self.free_bytes() >= self._reserve_bytes

    def free_bytes(self) -> int:
        with _disk("The spool's volume cannot be asked for its free space"):
            stats = os.statvfs(self._folder)
        return stats.f_bavail * stats.f_frsize

    def _path(self, location: str) -> Path:
        match = _LOCATION.fullmatch(location)
        if match is None:
            raise Unavailable(f"{location!r} is not a place in the spool.")
        return self._objects / match[1] / f"{match[2]}.dcm"

    def _keep(self, partial: Path, sha256: str) -> str:
        """Give an fsynced file its final name, durably, and return its location."""
        location = f"{VOLUME}:{sha256[:2]}/{sha256}.dcm"
        final = self._path(location)
        # The same bytes may stand there already: the rename then replaces them with their equal, and the
        # folder's fsync makes sure of a name that another process may have given a moment ago.
        os.rename(partial, final)
        fsync_folder(final.parent)
        return location

    def _make_shelves(self) -> None:
        """All 256 folders at once and one fsync, so that none is made while a sender waits."""
        for number in range(256):
            (self._objects / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
        fsync_folder(self._objects)

    def _sweep(self, age: timedelta) -> None:
        before = time.time() - age.total_seconds()
        for leftover in self._incoming.glob("*.part"):
            try:
                if leftover.stat().st_mtime < before:
                    leftover.unlink()
            except FileNotFoundError:
                continue  # another process swept it or keeps it right now


class _Partial:
    """`service.ports.spool.Incoming` in a temporary file."""

    def __init__(self, spool: FileSpool, path: Path) -> None:
        self._spool = spool
        self._path = path
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def write(self, buffer: bytes | bytearray | memoryview) -> None:
        rest = memoryview(buffer)
        self._sha256.update(rest)
        with _disk("The spool cannot be written", cleanup=self):
            while rest:
                written = os.write(self._descriptor, rest)
                self._size += written
                rest = rest[written:]

    def reread(self) -> BinaryIO:
        with _disk("What was received cannot be read back"):
            return self._path.open("rb")

    def keep(self) -> StoredBytes:
        sha256 = self._sha256.hexdigest()
        with _disk("The spool cannot keep what was received", cleanup=self):
            os.fsync(self._descriptor)
            location = self._spool._keep(self._path, sha256)
        self._close()
        return StoredBytes(location=location, sha256=sha256, size=self._size)

    def _discard(self) -> None:
        if self._descriptor >= 0:
            self._close()
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


@contextmanager
def _disk(what: str, *, cleanup: _Partial | None = None) -> Iterator[None]:
    """Turn the disk's errors into Unavailable, without the partial file."""
    try:
        yield
    except OSError as error:
        if cleanup is not None:
            cleanup._discard()
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Full(f"{what}: {error.strerror} (the disk is full).") from error
        raise Unavailable(f"{what}: {error.strerror}.") from error
