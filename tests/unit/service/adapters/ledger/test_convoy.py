"""Loads that wait for the one writer share a transaction; none suffers from another, none is lost."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from service.adapters.ledger.convoy import MOST, Convoy
from service.adapters.ledger.engine import Database
from service.domain.errors import Unavailable
from tests.support.waiting import eventually


class Yard:
    """A database with one table, a convoy that writes numbers into it, and the commits that it took."""

    def __init__(self, folder: Path, *, busy_s: float = 10) -> None:
        self.database = Database(f"sqlite:///{folder / 'ledger.sqlite'}", busy_s=busy_s)
        with self.database.write() as connection:
            connection.execute(text("CREATE TABLE load (number INTEGER PRIMARY KEY)"))
        self.commits = 0
        self.found: dict[int, str] = {}
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

    def take(self, *numbers: int) -> None:
        """Take one after the other, and note what became of each."""
        for number in numbers:
            try:
                self.found[number] = self.convoy.take(number)
            except Unavailable as error:
                self.found[number] = str(error)

    def take_all(self, *numbers: int) -> dict[int, str]:
        """Take them all while another writer is at work, and say what became of each."""
        threads = [threading.Thread(target=self.take, args=(number,)) for number in numbers]
        with self.database.turn():
            for thread in threads:
                thread.start()
            eventually(lambda: len(self.convoy._waiting) == len(numbers))
        for thread in threads:
            thread.join()
        return self.found


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


def test_nobody_hears_of_an_outcome_before_the_commit(yard: Yard) -> None:
    seen: list[tuple[dict[int, str], list[int]]] = []
    event.listen(yard.database.engine, "commit", lambda _: None if seen else seen.append((dict(yard.found), written())))

    def written() -> list[int]:
        with sqlite3.connect(str(yard.database.url.database)) as other:
            return [number for (number,) in other.execute("SELECT number FROM load")]

    assert len(yard.take_all(1, 2, 3)) == 3
    assert seen == [({}, [])]


def test_a_commit_that_fails_is_an_outcome_for_nobody(yard: Yard) -> None:
    """Whose turn it was hears of it; the others, of whom nothing is written either, go again."""

    def fail(_: Connection) -> None:
        event.remove(yard.database.engine, "commit", fail)
        raise Unavailable("the disk is full")

    event.listen(yard.database.engine, "commit", fail)
    found = yard.take_all(1, 2, 3)
    (failed,) = (number for number, outcome in found.items() if outcome == "the disk is full")
    assert yard.written() == [number for number in (1, 2, 3) if number != failed]
    assert [found[number] for number in yard.written()] == [f"wrote {number}" for number in yard.written()]


def test_nobody_waits_for_another_process_longer_than_for_two_turns(tmp_path: Path) -> None:
    yard = Yard(tmp_path, busy_s=1)
    other = sqlite3.connect(str(yard.database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    found = yard.take_all(*range(1, 13))
    assert time.monotonic() - begun < 8 * yard.database.busy_s, "one after the other they wait for twelve turns"
    assert all("locked or away" in outcome or "busy" in outcome for outcome in found.values())
    other.close()
    assert yard.written() == []
    assert yard.convoy.take(9) == "wrote 9"
    assert yard.written() == [9]


def test_many_that_come_and_go_are_each_told_what_became_of_theirs(yard: Yard) -> None:
    """Some of them fail, amid the others' company."""
    loads = [[-n if n % 9 == 0 else n for n in range(first, first + 20)] for first in range(1, 161, 20)]
    threads = [threading.Thread(target=yard.take, args=numbers) for numbers in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [number for numbers in loads for number in numbers]
    assert yard.found == {n: f"wrote {n}" if n > 0 else f"{n} is in debt" for n in taken}
    assert yard.written() == [number for number in taken if number > 0]
    assert yard.commits < len(yard.written())
    assert not yard.convoy._waiting


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_leaves_what_waits_to_its_parent(yard: Yard) -> None:
    waiting = threading.Thread(target=yard.take, args=(1,))
    with yard.database.turn():
        waiting.start()
        eventually(lambda: len(yard.convoy._waiting) == 1)
        child = os.fork()
        if child == 0:
            try:
                code = 0 if yard.convoy.take(2) == "wrote 2" and yard.written() == [2] else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    waiting.join()
    assert yard.found == {1: "wrote 1"}
    assert yard.written() == [1, 2]


def test_a_load_whose_turn_never_comes_is_not_written_later(tmp_path: Path) -> None:
    yard = Yard(tmp_path, busy_s=0.05)
    with yard.database.turn():
        waiting = threading.Thread(target=yard.take, args=(1,))
        waiting.start()
        waiting.join()
    assert "busy" in yard.found[1]
    assert yard.convoy.take(2) == "wrote 2"
    assert yard.written() == [2]
