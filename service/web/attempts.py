"""Attempts: how often an address may try to come in."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock

LIMIT = 10
WINDOW = timedelta(minutes=5)
MAX_ADDRESSES = 4096


class Attempts:
    """Failed attempts by address, in this process's memory; bounded, thread-safe."""

    def __init__(self, limit: int = LIMIT, window: timedelta = WINDOW) -> None:
        self._limit, self._window = limit, window
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait(self, address: str, *, now: datetime) -> timedelta | None:
        """How long the address has to wait before its next attempt; None if it may try now."""
        with self._lock:
            failures = self._recent(address, now)
            return failures[0] + self._window - now if len(failures) >= self._limit else None

    def failed(self, address: str, *, now: datetime) -> None:
        with self._lock:
            failures = self._recent(address, now)
            failures.append(now)
            self._failures[address] = failures
            self._failures.move_to_end(address)
            while len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)

    def _recent(self, address: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(address, deque())
        while failures and now - failures[0] >= self._window:
            failures.popleft()
        return failures
