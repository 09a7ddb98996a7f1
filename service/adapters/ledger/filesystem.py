"""Where a SQLite file may lie: on this host's own disk, readable by nobody else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from service.domain.errors import Misconfigured

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|fuse(\.(?!fuse-overlayfs).*)?|9p|afs|ceph|glusterfs|lustre|beegfs|ocfs2|gfs2"
)
_MOUNTS = Path("/proc/mounts")


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, by the text of /proc/mounts; empty if none does."""
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        # A later line hides an earlier one on the same mount point.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found


def refuse_network_file(database: str) -> None:
    """Raise Misconfigured where SQLite's locks and shared memory cannot be trusted."""
    if not _MOUNTS.exists():
        return
    path = Path(database).resolve()
    kind = file_system(path, _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    if _NETWORK.fullmatch(kind):
        raise Misconfigured(
            f"{path} lies on a network file system ({kind}), where SQLite loses data; "
            "set `data` to a local disk or `database` to PostgreSQL"
        )


def file_number(database: str) -> tuple[int, int] | None:
    """Device and inode of what has this name now; None if nothing has."""
    try:
        found = os.stat(database)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_private(database: str) -> None:
    """Create the file for its owner alone; SQLite gives its journal the same mode."""
    try:
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Misconfigured(f"the ledger's file {database} cannot be opened: {error.strerror}") from error
