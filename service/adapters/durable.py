"""Names that outlive a loss of power: the folder that holds a name is fsynced, not only the file."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make `folder` and its parents, and fsync every folder that may have got a new entry. Raises OSError."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for made in reversed(missing):
        made.mkdir(mode=mode, exist_ok=True)
        fsync_folder(made.parent)


def fsync_folder(folder: Path) -> None:
    """Return once every name in `folder` is on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
