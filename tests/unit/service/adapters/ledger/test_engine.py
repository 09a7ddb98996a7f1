"""Where the ledger is, for the sentence that says it is away; the one connection that writes to SQLite."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from service.adapters.ledger.engine import Database
from service.domain.errors import Unavailable


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+pg8000://me:secret@db.site:5433/preread", "PostgreSQL at db.site:5433, database preread"),
        ("postgresql://me:secret@localhost/preread", "PostgreSQL at localhost:5432, database preread"),
        ("sqlite:////srv/ledger.sqlite", "/srv/ledger.sqlite"),
    ],
)
def test_a_ledger_says_where_it_is_without_user_and_password(url: str, place: str) -> None:
    assert Database(url).place == place


def test_a_ledger_that_is_locked_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    waits, holder = Database(f"sqlite:///{file}", busy_s=0.01), sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match=f"the ledger .{file}. is locked or away"), waits.write():
        pass
    holder.close()


@pytest.fixture
def numbers(tmp_path: Path) -> Iterator[Database]:
    """A database with one table of numbers."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE number (value INTEGER PRIMARY KEY)"))
    yield database
    database.close()


def add(database: Database, value: int) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO number VALUES (:value)"), {"value": value})


def add_and(database: Database, value: int, then: Callable[[Connection], None]) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO number VALUES (:value)"), {"value": value})
        then(connection)


def _interrupt(connection: Connection) -> None:
    raise KeyboardInterrupt


def _break(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.close()


def written(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(text("SELECT value FROM number ORDER BY value")))


def opened(database: Database) -> list[object]:
    """Fills with SQLite's connections, as they are opened."""
    found: list[object] = []
    event.listen(database.engine, "connect", lambda connection, _: found.append(connection))
    return found


def test_all_threads_write_over_one_connection(numbers: Database) -> None:
    connections = opened(numbers)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda value: add(numbers, value), range(40)))
    assert connections == []
    assert written(numbers) == list(range(40))


def test_what_is_written_is_seen_while_the_connection_is_kept(numbers: Database) -> None:
    beside = Database(str(numbers.url))
    add(numbers, 1)
    assert written(beside) == [1]
    add(beside, 2)  # no lock was left behind
    add(numbers, 3)
    assert written(beside) == [1, 2, 3]
    beside.close()


def test_after_a_failure_the_next_one_begins_anew(numbers: Database) -> None:
    add(numbers, 1)
    with pytest.raises(IntegrityError):
        add(numbers, 1)
    with pytest.raises(KeyboardInterrupt):
        add_and(numbers, 2, _interrupt)
    add(numbers, 3)
    assert written(numbers) == [1, 3]


def test_a_connection_that_broke_is_not_used_again(numbers: Database) -> None:
    with pytest.raises(Unavailable):
        add_and(numbers, 1, _break)
    add(numbers, 2)
    assert written(numbers) == [2]


@pytest.mark.parametrize("restored", [False, True], ids=["removed", "restored"])
def test_nothing_is_written_to_a_file_that_is_there_no_more(numbers: Database, restored: bool) -> None:
    file = Path(numbers.place)
    backup = file.with_name("backup.sqlite")
    with sqlite3.connect(file) as one, sqlite3.connect(backup) as other:
        one.backup(other)
    add(numbers, 1)
    for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        name.unlink(missing_ok=True)
    if restored:
        backup.rename(file)
    for _ in range(2):
        with pytest.raises(Unavailable, match="start preread anew"):
            add(numbers, 2)
    assert file.exists() == restored
    if restored:
        numbers.close()  # as who starts anew does
        add(numbers, 3)
        assert written(numbers) == [3]


def test_to_close_waits_for_who_writes(numbers: Database) -> None:
    with numbers.write() as connection:
        connection.execute(text("INSERT INTO number VALUES (1)"))
        closing = threading.Thread(target=numbers.close)
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
    closing.join(10)
    assert written(numbers) == [1]
