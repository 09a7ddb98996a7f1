"""Ports for demos beside each other: claimed by a locked file before anything listens, so that no two choose the same.

A demo that began a second later would otherwise find the port still free, and its study would reach the other's
receiver.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from service.embedded.folders import private
from service.embedded.missing import Missing
from service.embedded.ports import choose_free, is_free, taken

NEAR = 20
"""How many ports from the usual one on are tried before any free one does."""


class Claims:
    """Claims are kept until `close`, at the latest until the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = private(folder)
        self._held = ExitStack()

    def near(self, usual: int) -> int:
        """The first port from `usual` on that nobody listens on or claimed."""
        for port in chain(range(usual, usual + NEAR), (choose_free(1)[0] for _ in range(NEAR))):
            if self._claim(port):
                return port
        raise Missing("No port is free on this machine: end a program that listens, and start again.")

    def exactly(self, port: int, option: str, purpose: str) -> int:
        """`port` itself. Raises Missing with a sentence where it is taken."""
        if not self._claim(port):
            raise Missing(taken(port, purpose, option))
        return port

    def close(self) -> None:
        self._held.close()

    def _claim(self, port: int) -> bool:
        file = self._held.enter_context((self._folder / f"{port}.lock").open("w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return is_free(port)
