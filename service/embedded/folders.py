"""Folders of our own: the cache, private ones for sockets, and whether a disk has room."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from service.embedded.missing import Missing

SOCKET_PATH_BYTES = 100
"""The kernel takes 107 bytes on Linux and 103 on macOS (sun_path in sys/un.h); a few are left for temporary names."""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where unpacked binaries live: $PREREAD_CACHE, else $XDG_CACHE_HOME/preread, else ~/.cache/preread."""
    if chosen := environ.get("PREREAD_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(base) / "preread").expanduser().resolve()


def private(folder: Path) -> Path:
    """Make `folder` with mode 0700, or check that an existing one is ours; a socket in it is then ours alone.

    Raises Missing where somebody else owns it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Missing(f"{folder} belongs to somebody else: remove it, or choose another data folder.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def socket_path(folder: Path, name: str, *, short_base: Path | None = None) -> Path:
    """Return a path for the unix socket `name` in the private folder `folder`, which is made if need be.

    A path that the kernel would find too long moves to a private folder in the temporary directory, whose name
    follows from `folder`: every process of one installation finds the same one.
    """
    wanted = folder.absolute() / name
    if len(os.fsencode(wanted)) <= SOCKET_PATH_BYTES:
        private(folder)
        return wanted
    mark = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:12]
    base = short_base or Path(tempfile.gettempdir())
    return private(base / f"preread-{os.getuid()}-{mark}") / name


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Raise Missing unless the disk under `folder` (or its nearest existing parent) has `needed_bytes` free."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < needed_bytes:
        raise Missing(
            f"{purpose} needs {needed_bytes // 10**6} MB, but {existing} has {free_bytes // 10**6} MB left: "
            "free some space, or point PREREAD_CACHE to another disk."
        )
