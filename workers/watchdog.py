"""Watchdog of a worker that stopped consuming: after a reconnect Celery may sit there and hear nothing.

See Celery's issues 10205 and 10302 (knowledge.md, "deaf workers"). The worker sends itself a pulse through the
broker; when pulses go out and none comes back while a child is free, the process ends and its supervisor
starts it again.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


class Watchdog:
    """Shared between a worker's parent and its children; made before the fork."""

    def __init__(self, *, children: int, deaf_after_s: float = 90) -> None:
        self._children = children
        self._deaf_after_s = deaf_after_s
        self._heard = multiprocessing.Value(ctypes.c_double, time.monotonic())
        self._working = multiprocessing.Array(ctypes.c_int, children + 1)
        """Process ids of children at work; one that was killed at it does not count."""

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Wrap each message that a child works on."""
        place = self._sit_down(os.getpid())
        self._heard.value = time.monotonic()
        try:
            yield
        finally:
            self._heard.value = time.monotonic()
            self._working[place] = 0

    def deaf(self) -> bool:
        """Whether nothing was heard for too long although a child was free."""
        busy = sum(psutil.pid_exists(pid) for pid in self._working[:] if pid)
        return busy < self._children and time.monotonic() - self._heard.value > self._deaf_after_s

    def excuse(self) -> None:
        """The broker was away: silence is no wonder."""
        self._heard.value = time.monotonic()

    def _sit_down(self, pid: int) -> int:
        with self._working.get_lock():
            for place, other in enumerate(self._working[:]):
                if not other or other == pid or not psutil.pid_exists(other):
                    self._working[place] = pid
                    return place
        raise RuntimeError("more children are at work than there are")
