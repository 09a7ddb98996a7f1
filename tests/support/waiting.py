"""Waiting for what must happen: for the event and not for a time, and long enough for a machine that is busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0
"""Many times what anything here takes on an idle machine: who waits longer waits for ever."""

Found = TypeVar("Found")


def wait_for(true: Callable[[], object], seconds: float = PATIENCE_S, what: str = "it did not happen") -> float:
    """Wait until `true()`; returns the seconds it took. Raises TimeoutError saying what did not happen."""
    begun = time.monotonic()
    eventually(true, seconds, what)
    return time.monotonic() - begun


def eventually(found: Callable[[], Found], seconds: float = PATIENCE_S, what: str = "it did not happen") -> Found:
    """What `found` returns as soon as it is true. Raises TimeoutError saying what did not happen."""
    until = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return result
