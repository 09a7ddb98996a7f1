"""Halt: how whoever asked takes the question back, from any thread, before the answer has come."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Halted(Exception):
    """The question was taken back; there is no answer, and nobody waits for one."""


class Halt:
    """Call it to take a question back. Whoever is at work on it is told at once, not at the next token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._halted = False
        self._told: list[Callable[[], object]] = []

    @property
    def halted(self) -> bool:
        return self._halted

    def __call__(self) -> None:
        with self._lock:
            self._halted, told, self._told = True, self._told, []
        for tell in told:
            tell()

    def then(self, tell: Callable[[], object]) -> None:
        """Have `tell` called when it is taken back, at once if it was already. It must neither block nor raise."""
        with self._lock:
            if not self._halted:
                self._told.append(tell)
                return
        tell()
