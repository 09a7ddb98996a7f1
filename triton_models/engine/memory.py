"""What a model takes of the machine's memory, held against the budget in its card."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.folder import ModelError

MEGABYTE = 1 << 20
STATM = Path("/proc/self/statm")
NUMBER = 4
"""Bytes of a number in a cache on the CPU, of whatever precision the weights are."""
ANSWERS = 8 * 2048
"""Tokens of prompts and answers that a card has memory for where nobody says how much: eight at once of this length."""


def resident_mb() -> float:
    """Return what this process keeps in memory now; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def left_mb(name: str, allowed_mb: int, *, since_mb: float) -> float | None:
    """Return what `allowed_mb` leaves to a process that kept `since_mb` before it loaded; None without a budget (0).

    Raises ModelError where it took more already.
    """
    taken_mb = resident_mb() - since_mb
    if allowed_mb and taken_mb > allowed_mb:
        raise ModelError(
            f"{name}: takes {taken_mb:.0f} MB once it is loaded and its card allows {allowed_mb}: "
            "raise memory_mb in the card if the machine has the room, or serve a smaller model"
        )
    return allowed_mb - taken_mb if allowed_mb else None


def cache_bytes(config: Mapping[str, Any]) -> int:
    """Return what a token takes in the cache, by the section `model` of genai_config.json: keys, values, each layer."""
    decoder = config["decoder"]
    return 2 * int(decoder["num_hidden_layers"] * decoder["num_key_value_heads"] * decoder["head_size"]) * NUMBER
