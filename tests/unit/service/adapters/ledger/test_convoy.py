"""Loads that wait for the one writer share a transaction; none suffers from another, none is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from service.adapters.ledger.convoy import MOST, Convoy
from service.adapters.ledger.engine import Database
from service.domain.errors import Unavailable


class Yard:
    """A database with one table, a convoy that writes numbers into it, and the commits that it took."""

    def __init__(self, folder: Path, *, busy_s: float = 10) -> None:
        self.database = Database(f"sqlite:///{folder / 'ledger.sqlite'}", busy_s=busy_s)
        with self.database.write() as connection:
            connection.execute(text("CREATE TABLE load (number INTEGER PRIMARY KEY)"))
        self.commits = 0
        event.listen(self.database.engine, "commit", self._count)
        self.convoy = Convoy(self.database, self._write)

    def _count(self, connection: Connection) -> None:
        self.commits += 1

    def _write(self, connection: Connection, number: int) -> str:
        connection.execute(text("INSERT INTO load VALUES (:number)"), {"number": abs(number)})
        if number < 0:
            raise Unavailable(f"{number} is in debt")
        return f"wrote {number}"

    def written(self) -> list[int]:
        with self.database.read() as connection:
            return list(connection.scalars(text("SELECT number FROM load ORDER BY number")))

    def take_all(self, *numbers: int) -> dict[int, str]:
        """Take them all while another writer is at work, and say what became of each."""
        found: dict[int, str] = {}

        def take(number: int) -> None:
            try:
                found[number] = self.convoy.take(number)
            except Unavailable as error:
                found[number] = str(error)

        threads = [threading.Thread(target=take, args=(number,)) for number in numbers]
        with self.database.turn():
            for thread in threads:
                thread.start()
            eventually(lambda: len(self.convoy._waiting) == len(numbers))
        for thread in threads:
            thread.join()
        return found


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.001)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_one_load_goes_alone(yard: Yard) -> None:
    assert yard.convoy.take(1) == "wrote 1"
    assert (yard.commits, yard.written()) == (1, [1])


def test_loads_that_wait_go_together_with_one_commit(yard: Yard) -> None:
    assert yard.take_all(1, 2, 3, 4) == {number: f"wrote {number}" for number in (1, 2, 3, 4)}
    assert (yard.commits, yard.written()) == (1, [1, 2, 3, 4])


def test_more_than_go_together_go_in_turns(yard: Yard) -> None:
    numbers = range(1, MOST + 6)
    assert len(yard.take_all(*numbers)) == len(numbers)
    assert (yard.commits, yard.written()) == (2, list(numbers))


def test_a_load_that_fails_harms_no_other_and_leaves_nothing(yard: Yard) -> None:
    found = yard.take_all(1, -2, 3)
    assert found == {1: "wrote 1", -2: "-2 is in debt", 3: "wrote 3"}
    assert yard.written() == [1, 3]


def test_a_load_whose_turn_never_comes_is_not_written_later(tmp_path: Path) -> None:
    yard = Yard(tmp_path, busy_s=0.05)
    with yard.database.turn():
        failed: list[bool] = []

        def take() -> None:
            with pytest.raises(Unavailable, match="busy"):
                yard.convoy.take(1)
            failed.append(True)

        waiting = threading.Thread(target=take)
        waiting.start()
        waiting.join()
    assert failed
    assert yard.convoy.take(2) == "wrote 2"
    assert yard.written() == [2]
