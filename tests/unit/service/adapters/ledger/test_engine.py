"""Where the ledger is, for the sentence that says it is away."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

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
