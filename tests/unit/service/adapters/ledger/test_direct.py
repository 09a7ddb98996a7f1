"""The shortest way to SQLite gives what SQLAlchemy's gives, and fails as it does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, event, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from service.adapters.ledger.clock import UtcDateTime
from service.adapters.ledger.direct import Direct
from service.adapters.ledger.engine import Database
from service.domain.errors import Unavailable

NOON = datetime(2026, 3, 2, 12, 0, 0, 250, tzinfo=UTC)
TABLE = Table("arrival", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, unique=True),
              Column("at", UtcDateTime))  # fmt: skip
ADD = Direct(insert(TABLE))
BY_NAME = select(TABLE, literal("here").label("where")).where(TABLE.c.name == bindparam("name"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    TABLE.metadata.create_all(made.engine)
    yield made
    made.close()


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(TABLE.c.name).order_by(TABLE.c.id)))


def test_rows_are_those_of_sqlalchemy(database: Database) -> None:
    with database.write() as connection:
        ADD.run(connection, {"name": "Müller^Anna", "at": NOON})
        ADD.run(connection, {"name": "Schmidt^Berta"})
    with database.read() as connection:
        for name in ("Müller^Anna", "Schmidt^Berta", "nobody"):
            theirs = connection.execute(BY_NAME, {"name": name}).first()
            ours = Direct(BY_NAME).first(connection, {"name": name})
            assert (ours and tuple(ours)) == (theirs and tuple(theirs))
        found = Direct(BY_NAME).first(connection, {"name": "Müller^Anna"})
        assert found is not None
        assert (found.at, found.where) == (NOON, "here")
        assert Direct(BY_NAME).scalar(connection, {"name": "Schmidt^Berta"}) == 2
        assert Direct(BY_NAME).scalar(connection, {"name": "nobody"}) is None


def test_an_update_sets_the_columns_that_it_is_given(database: Database) -> None:
    change = Direct(update(TABLE).where(TABLE.c.id == bindparam("number")))
    with database.write() as connection:
        ADD.run(connection, {"name": "a", "at": NOON})
        change.run(connection, {"number": 1, "name": "b"})
        change.run(connection, {"number": 1, "at": None})
        assert Direct(BY_NAME).first(connection, {"name": "b"}) == (1, "b", None, "here")


def add(database: Database, *names: str) -> None:
    with database.write() as connection:
        for name in names:
            ADD.run(connection, {"name": name})


def test_a_statement_that_fails_raises_as_sqlalchemy_does_and_its_transaction_leaves_nothing(
    database: Database,
) -> None:
    with pytest.raises(IntegrityError) as caught:
        add(database, "Müller^Anna", "Müller^Anna")
    assert "Müller" not in str(caught.value)
    assert names(database) == []


def test_a_full_disk_is_unavailable_and_the_transaction_leaves_nothing(database: Database) -> None:
    event.listen(database.engine, "checkout", lambda driver, *_: driver.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(Unavailable):
        add(database, "small", "x" * 100_000)
    assert names(database) == []


def test_who_listens_to_statements_hears_these(database: Database) -> None:
    heard: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda c, cursor, text, *rest: heard.append(text))
    with database.write() as connection:
        ADD.run(connection, {"name": "a"})
        assert Direct(BY_NAME).scalar(connection, {"name": "a"}) == 1
    assert [text.split()[0] for text in heard] == ["INSERT", "SELECT"]
