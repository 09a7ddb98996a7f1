"""What a model takes of the machine's memory, held against the budget in its card."""

import os
import sys
from pathlib import Path

from engine.folder import ModelError

MEGABYTE = 1 << 20
STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """Return what this process keeps in memory now; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def check(name: str, allowed_mb: int, *, since_mb: float) -> None:
    """Raise ModelError if the process took more than `allowed_mb` (0: no budget) since it kept `since_mb`."""
    taken_mb = resident_mb() - since_mb
    if allowed_mb and taken_mb > allowed_mb:
        raise ModelError(
            f"{name}: takes {taken_mb:.0f} MB once it is loaded and its card allows {allowed_mb}: "
            "raise memory_mb in the card if the machine has the room, or serve a smaller model"
        )
