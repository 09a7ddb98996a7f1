"""What a model takes of the machine's memory, held against the budget in its card."""

import os
import sys
from pathlib import Path

MEGABYTE = 1 << 20
STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """Return what this process keeps in memory now; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
