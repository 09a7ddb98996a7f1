"""How many threads a model gets where nobody says."""

import os
from pathlib import Path

WEIGHTS = 16 * 2**20
"""Bytes of a model that are worth another thread: of less, threads lose more by waiting than they gain."""


def worth(folder: Path) -> int:
    """Return the number for the graphs in `folder`, from 1 to the cores that this process may use."""
    return min(len(os.sched_getaffinity(0)), 1 + weights(folder) // WEIGHTS)


def weights(folder: Path) -> int:
    """Return how many bytes the graphs in `folder` have."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.name.endswith((".onnx", ".onnx.data")))
