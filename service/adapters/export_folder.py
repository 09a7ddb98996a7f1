"""An export on disk: lines, images and a manifest. Files are for their owner alone, nothing is written over, and what
was stopped goes on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from service.adapters.durable import fsync_folder, make_folder
from service.domain.errors import Refused
from service.domain.pseudonym import KEY_BYTES

LINES, BEGUN, DONE, IMAGES = "edits.jsonl", "export.json", "manifest.json", "images"
_LONGEST_LINE = 4 << 20


class ExportFolder:
    """One folder, held by one process. `how` says what the export is of: what was begun otherwise does not go on."""

    def __init__(self, folder: Path, how: Mapping[str, Any]) -> None:
        """Raises Refused for a folder that is finished, in use, or holds something else."""
        self.folder = folder
        make_folder(folder, mode=0o700)
        if (folder / DONE).exists():
            raise Refused(f"{folder} holds a finished export, which is not written over: name another folder")
        said = json.dumps(dict(how), sort_keys=True)
        if not (folder / BEGUN).exists():
            if any(folder.iterdir()):
                raise Refused(f"{folder} is not empty and no export was begun there: name another folder")
            _new(folder / BEGUN, said.encode())
        self._lock = os.open(folder / BEGUN, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Refused(f"another process writes to {folder}: wait for it, or name another folder") from None
        if (folder / BEGUN).read_text() != said:
            os.close(self._lock)
            raise Refused(
                f"the export in {folder} was begun with another key, other options or another version: go on as it "
                "was begun, or name another folder"
            )
        self.done = {str(line["report"]): list(line.get("files", ())) for line in self._kept()}
        """The reports whose lines stand there, whole, each with what it says of its images."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *why: object) -> None:
        os.close(self._lock)

    def add(self, line: str) -> None:
        """Append one line; it is on the disk when this returns."""
        descriptor = os.open(self.folder / LINES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def keep(self, name: str, image: bytes) -> str:
        """Keep an image and return its SHA-256; one that is there already stays, if it is the same."""
        file = self.folder / IMAGES / name
        make_folder(file.parent, mode=0o700)
        sha256 = hashlib.sha256(image).hexdigest()
        if file.exists():
            if _digest(file) != sha256:
                raise Refused(f"{file} holds another image than the one that belongs there: name another folder")
            return sha256
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)  # of an export that was stopped
        _new(part, image)
        part.rename(file)
        fsync_folder(file.parent)
        return sha256

    def finish(self, words: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write the manifest: `words`, and every file with its size and digest. Nothing can be added afterwards."""
        files = [self.folder / LINES, *sorted((self.folder / IMAGES).glob("*.dcm"))]
        manifest = {
            **words,
            "files": [
                {"name": str(file.relative_to(self.folder)), "bytes": file.stat().st_size, "sha256": _digest(file)}
                for file in files
                if file.exists()
            ],
        }
        _new(self.folder / DONE, json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n")
        return manifest

    def _kept(self) -> Iterator[Mapping[str, Any]]:
        """Whole lines; one that was cut short is taken off. Raises Refused for what no export wrote."""
        file = self.folder / LINES
        if not file.exists():
            return
        whole = 0
        with file.open("rb") as lines:
            while (line := lines.readline(_LONGEST_LINE)).endswith(b"\n"):
                said = _line(line)
                if said is None:
                    raise Refused(f"{file} holds a line that no export wrote: name another folder")
                yield said
                whole = lines.tell()
        os.truncate(file, whole)


def site_key(file: Path) -> bytes:
    """The site's key; made, for its owner alone, where there is none. Raises Refused for a file that is no key."""
    if not file.exists():
        make_folder(file.parent)
        _new(file, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    try:
        key = bytes.fromhex(file.read_text().strip())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise Refused(
            f"{file} is no key: it holds {KEY_BYTES} random bytes as hexadecimal digits, or does not exist yet"
        )
    return key


def _line(text: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "report" in said else None


def _new(file: Path, data: bytes) -> None:
    """Write a file that does not exist yet, mode 0600, and fsync it and its name."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fsync_folder(file.parent)


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
