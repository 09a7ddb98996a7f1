"""What every part of the ledger stands on: a database and a site; and the statements they share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.ledger import schema
from service.adapters.ledger.direct import AnyRow as AnyRow
from service.adapters.ledger.direct import Direct
from service.adapters.ledger.engine import Database

AnySelect = Select[*tuple[Any, ...]]

_LARGEST_KEY = 2**63 - 1


class Part:
    """A part of the ledger."""

    def __init__(self, database: Database, site: str) -> None:
        self.database = database
        self.site = site


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def key(identifier: str | None) -> int:
    """A row's number from its identifier as text; -1, which no row has, for any other text."""
    if identifier is None or not identifier.isascii() or not identifier.isdecimal() or len(identifier) > 19:
        return -1
    return min(int(identifier), _LARGEST_KEY)


def for_update(statement: AnySelect, *, skip_locked: bool = False) -> AnySelect:
    """Lock the rows on PostgreSQL (SQLite has locked the database by then).

    Rows are locked in the order study, then job or delivery, by everybody but the claims, which lock
    their row, skip locked ones, and wait for nothing: so no two transactions wait for each other.
    """
    return statement.with_for_update(skip_locked=skip_locked, key_share=True)


_BY_UID = Direct(
    for_update(
        select(schema.study).where(schema.study.c.site == bindparam("site"), schema.study.c.uid == bindparam("uid"))
    )
)
_BY_NUMBER = Direct(for_update(select(schema.study).where(schema.study.c.id == bindparam("number"))))


def lock_study(connection: Connection, site: str, study_uid: str) -> AnyRow | None:
    """The study's row, locked until the transaction ends; None if there is none."""
    return _BY_UID.first(connection, {"site": site, "uid": study_uid})


def lock_study_of(connection: Connection, study_id: int) -> AnyRow:
    """The row of a study that is known to be there, locked until the transaction ends."""
    found = _BY_NUMBER.first(connection, {"number": study_id})
    assert found is not None
    return found
