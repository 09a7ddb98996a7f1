"""A folder as destination, for `preread run` and for archives that watch a folder. `file:///folder`."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydicom.uid import UID

from service.adapters.durable import fsync_folder, make_folder
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.domain.study import Identity
from service.ports.destination import Answered, Destination, Opener, Parcel, StoreResult

SCHEMES = ("file",)
_SAFE = re.compile(r"[0-9]+(\.[0-9]+)*")


def open_node(node: DestinationNode, *, calling_ae: str, opener: Opener) -> Destination:
    """The destination of a node. Raises Misconfigured for a URL that names no absolute folder."""
    url = urlsplit(node.url)
    path = Path(unquote(url.path))
    if url.netloc or not path.is_absolute() or path == Path("/"):
        raise Misconfigured(
            f"Destination {node.name}: {node.url!r} is not file:///folder; write an absolute path after file://."
        )
    return FolderDestination(path, opener=opener)


class FolderDestination:
    """Writes `<SOP Instance UID>.dcm`, whole or not at all, durably; the same object again replaces itself."""

    def __init__(self, folder: Path, *, opener: Opener) -> None:
        self._folder = folder
        self._opener = opener

    def store(self, parcels: Sequence[Parcel]) -> Sequence[StoreResult]:
        return [self._store(parcel) for parcel in parcels]

    def _store(self, parcel: Parcel) -> StoreResult:
        try:
            written = self._write(parcel)
        except (OSError, Unavailable) as error:
            return StoreResult(answered=Answered.AWAY, status=f"{self._folder} cannot be written: {error}")
        return StoreResult(answered=Answered.STORED, status=f"written as {written.name}")

    def _write(self, parcel: Parcel) -> Path:
        self._make()
        final = self._folder / f"{file_stem(parcel.sop_instance_uid)}.dcm"
        partial = self._folder / f".{uuid.uuid4().hex}.part"
        try:
            with self._opener(parcel.location) as source, partial.open("xb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
                target.flush()
                os.fsync(target.fileno())
            partial.replace(final)
            self._fsync()
        finally:
            partial.unlink(missing_ok=True)
        return final

    def _make(self) -> None:
        if not self._folder.is_dir():
            make_folder(self._folder)

    def _fsync(self) -> None:
        try:
            fsync_folder(self._folder)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network shares know no fsync of a folder
                raise

    def identity(self, study_instance_uid: UID) -> Identity | None:
        return None

    def echo(self) -> str:
        probe = self._folder / f".{uuid.uuid4().hex}.probe"
        try:
            self._make()
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be written: {error.strerror}") from error
        return f"{self._folder} can be written"

    def close(self) -> None:
        pass


def file_stem(uid: str) -> str:
    """The UID itself where it is digits and dots, else its hash: an object's text never makes a path."""
    if len(uid) <= 64 and _SAFE.fullmatch(uid):
        return uid
    return hashlib.sha256(uid.encode()).hexdigest()[:32]
