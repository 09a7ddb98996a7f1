"""How many tokens of a prompt are read at a time; between two pieces the running answers take a step.

A piece that is too short reads the weights too often; one that is too long keeps the others waiting. Measured
(deploy/docs/performance.md): 512 tokens at a time are read as fast as a whole prompt, 128 a tenth more slowly.
"""

from pathlib import Path

from engine.threads import weights

MOST, LEAST = 512, 128
"""Tokens of a piece. Of a large model the arithmetic takes longer than the weights do, however short the piece is."""
WORK = MOST << 29
"""Tokens times bytes of weights: from half a GiB on pieces become shorter, so that each takes about as long."""


def piece(folder: Path) -> int:
    """Return how many tokens of a prompt the model in the version's `folder` reads at a time."""
    return max(LEAST, min(MOST, WORK // max(1, weights(folder))))
