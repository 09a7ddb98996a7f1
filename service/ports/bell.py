"""Bell: wakes a worker for a lane. The ledger remembers; a lost ring costs one sweep, nothing else."""

from __future__ import annotations

from typing import Protocol


class Bell(Protocol):
    def ring(self, lane: str) -> None:
        """Wake somebody for `lane`. Raises Unavailable if the broker is away."""
        ...


class SilentBell:
    """A bell nobody hears: `preread run` and unit tests."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, lane: str) -> None:
        self.rung.append(lane)
