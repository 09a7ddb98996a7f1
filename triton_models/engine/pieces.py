"""How many tokens of a prompt are read at a time; between two pieces the running answers take a step.

A piece that is too short reads the weights too often; one that is too long keeps the others waiting. Measured
(deploy/docs/performance.md): pieces of 512 and 256 tokens cost 3 % more than the whole prompt, those of 128 a tenth.
"""

from pathlib import Path

from engine.threads import weights

MOST, LEAST = 512, 256
"""Tokens of a piece."""
WORK = MOST << 28
"""Tokens times bytes of weights: from a quarter of a GiB on pieces become shorter, so that each takes about as long."""


def piece(folder: Path) -> int:
    """Return how many tokens of a prompt the model in the version's `folder` reads at a time."""
    return max(LEAST, min(MOST, WORK // max(1, weights(folder))))
