"""Recent: an answer that is asked for anew only every second, for what stands in a hot path."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """Calls `ask` at most once a second; others get the last answer meanwhile."""

    def __init__(self, ask: Callable[[], Answer], *, seconds: float = 1.0) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = threading.Lock()
        self._kept: tuple[float, Answer] | None = None

    def __call__(self) -> Answer:
        with self._lock:
            now = time.monotonic()
            if self._kept is None or now - self._kept[0] >= self._seconds:
                self._kept = (now, self._ask())
            return self._kept[1]
