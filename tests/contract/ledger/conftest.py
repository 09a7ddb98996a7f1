"""Every test here runs on SQLite and on PostgreSQL, each time on a fresh, migrated database."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from service.adapters.ledger import Database, SqlLedger, schema
from tests.contract.ledger.postgresql import Cluster
from tests.contract.ledger.scene import Scene

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A cluster of this test run's own, on a socket in a folder of its own."""
    problem = Cluster.problem()
    if problem:
        pytest.skip(problem)
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def emptied(postgresql: Cluster) -> Iterator[Callable[[], str]]:
    """Empties the one migrated database and gives its URL; a database per test would cost a gigabyte."""
    ledger = SqlLedger(postgresql.create("preread_test"))
    ledger.upgrade()

    def empty() -> str:
        with ledger.database.write() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(delete(table))
        return ledger.database.url.render_as_string(hide_password=False)

    yield empty
    ledger.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("ledger") / "migrated.sqlite"
    ledger = SqlLedger(f"sqlite:///{file}")
    ledger.upgrade()
    ledger.close()
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.create(f"empty_{os.getpid()}_{next(_NUMBERS)}")


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database."""
    if kind == "sqlite":
        file = tmp_path / "ledger.sqlite"
        shutil.copy(request.getfixturevalue("migrated"), file)
        return f"sqlite:///{file}"
    empty: Callable[[], str] = request.getfixturevalue("emptied")
    return empty()


@pytest.fixture
def open_ledger(url: str) -> Iterator[Callable[..., SqlLedger]]:
    """Opens the test's database once more, as another process would."""
    opened: list[SqlLedger] = []

    def another(site: str = "main", busy_s: float = 10.0) -> SqlLedger:
        opened.append(SqlLedger(Database(url, busy_s=busy_s), site=site))
        return opened[-1]

    yield another
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., SqlLedger]) -> SqlLedger:
    return open_ledger()


@pytest.fixture
def scene(ledger: SqlLedger) -> Scene:
    return Scene(ledger)
