"""Differentials: the table of associations that differentials are offered by."""

from __future__ import annotations

from typing import Protocol

from service.domain.differential import Table


class Differentials(Protocol):
    def table(self) -> Table:
        """The one that holds now. Raises Misconfigured for a site's file that is wrong."""
        ...


class MemoryDifferentials:
    """A fake for unit tests."""

    def __init__(self, table: Table | None = None) -> None:
        self.kept = table or Table(name="empty", version="0", statement="Nothing is in it.", diagnoses=())

    def table(self) -> Table:
        return self.kept
