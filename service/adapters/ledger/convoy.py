"""Convoy: what waits for SQLite's one writer is written together, with one commit; nobody waits for company.

On PostgreSQL, which has many writers, each goes alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from service.adapters.ledger.engine import Database

Load = TypeVar("Load")
Outcome = TypeVar("Outcome")

MOST = 32
"""Loads of one transaction, so that no reader of its outcome waits for long."""


@dataclass(eq=False, slots=True)
class _Place(Generic[Load, Outcome]):
    load: Load
    outcome: Outcome | None = None
    error: Exception | None = None
    done: bool = False


class Convoy(Generic[Load, Outcome]):
    """Thread-safe; a forked child has a convoy of its own."""

    def __init__(self, database: Database, write: Callable[[Connection, Load], Outcome]) -> None:
        """`write` writes one load; it may be called again for the same one after its transaction was undone."""
        self._database = database
        self._write = write
        self._pid = os.getpid()
        self._waiting: deque[_Place[Load, Outcome]] = deque()

    def take(self, load: Load) -> Outcome:
        """What `write` made of the load, committed. Raises what it raises for this load, and Unavailable."""
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                return self._write(connection, load)
        if self._pid != os.getpid():
            self._pid, self._waiting = os.getpid(), deque()
        place: _Place[Load, Outcome] = _Place(load)
        self._waiting.append(place)
        try:
            with self._database.turn():
                if not place.done:
                    self._drive(place)
        finally:
            if not place.done:  # its turn never came
                with suppress(ValueError):
                    self._waiting.remove(place)
        if place.error is not None:
            raise place.error
        assert place.done
        return place.outcome  # type: ignore[return-value]  # it is done

    def _drive(self, own: _Place[Load, Outcome]) -> None:
        places = [own]
        with suppress(IndexError):
            while len(places) < MOST:
                if (place := self._waiting.popleft()) is not own and not place.done:
                    places.append(place)
        if len(places) == 1 or not self._together(places):
            for place in places:
                self._alone(place)

    def _together(self, places: list[_Place[Load, Outcome]]) -> bool:
        try:
            with self._database.write(has_turn=True) as connection:
                outcomes = [self._write(connection, place.load) for place in places]
        except Exception:  # one of them, or the database: nothing is written, and each hears of its own
            return False
        for place, outcome in zip(places, outcomes, strict=True):
            place.outcome, place.done = outcome, True
        return True

    def _alone(self, place: _Place[Load, Outcome]) -> None:
        try:
            with self._database.write(has_turn=True) as connection:
                place.outcome = self._write(connection, place.load)
        except Exception as error:  # the boundary: it is raised where the load came from
            place.error = error
        place.done = True
