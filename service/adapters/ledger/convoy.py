"""Convoy: what waits for SQLite's one writer is written together, with one commit; nobody waits for company.

Whose turn it is writes its own load and then those that wait beside it. An outcome is handed over only when its
transaction is committed; a load without one goes in its own thread's turn, so that each fails by itself and no error of
one is another's. On PostgreSQL, which has many writers, each goes alone.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from service.adapters.forks import after_fork
from service.adapters.ledger.engine import Database

Load = TypeVar("Load")
Outcome = TypeVar("Outcome")

MOST = 32
"""Loads of one transaction, so that no reader of its outcome waits for long."""


class _Spoilt(Exception):
    """A load of the company failed: nothing is written."""


@dataclass(eq=False, slots=True)
class _Place(Generic[Load, Outcome]):
    load: Load
    waits: bool = True
    committed: tuple[Outcome] | None = None


class Convoy(Generic[Load, Outcome]):
    """Thread-safe; a forked child has a convoy of its own."""

    def __init__(self, database: Database, write: Callable[[Connection, Load], Outcome]) -> None:
        """`write` writes one load; it may be called again for the same one after its transaction was undone."""
        self._database = database
        self._write = write
        self._begin_anew()
        after_fork(weakref.WeakMethod(self._begin_anew))

    def _begin_anew(self) -> None:
        """In a forked child: what waits belongs to the parent's threads."""
        self._waiting: deque[_Place[Load, Outcome]] = deque()

    def take(self, load: Load) -> Outcome:
        """What `write` made of the load, committed. Raises what it raises for this load, and Unavailable."""
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                return self._write(connection, load)
        place: _Place[Load, Outcome] = _Place(load)
        self._waiting.append(place)
        try:
            with self._database.turn():
                self._withdraw(place)  # whoever comes next must not write it again
                return place.committed[0] if place.committed else self._drive(place)
        finally:
            self._withdraw(place)  # where its turn never came

    def _withdraw(self, place: _Place[Load, Outcome]) -> None:
        if place.waits:
            with suppress(ValueError):  # it goes just now, in somebody's company
                self._waiting.remove(place)
            place.waits = False

    def _drive(self, own: _Place[Load, Outcome]) -> Outcome:
        try:
            return self._commit(own, self._company())
        except _Spoilt:
            return self._commit(own)

    def _company(self) -> list[_Place[Load, Outcome]]:
        company: list[_Place[Load, Outcome]] = []
        with suppress(IndexError):
            while len(company) < MOST - 1:
                place = self._waiting.popleft()
                place.waits = False
                company.append(place)
        return company

    def _commit(self, own: _Place[Load, Outcome], company: Sequence[_Place[Load, Outcome]] = ()) -> Outcome:
        with self._database.write(has_turn=True) as connection:
            outcome = self._write(connection, own.load)
            try:
                outcomes = [self._write(connection, place.load) for place in company]
            except Exception as error:
                raise _Spoilt from error  # out of the transaction: SQLite may have undone it all by itself
        for place, its in zip(company, outcomes, strict=True):
            place.committed = (its,)
        return outcome
