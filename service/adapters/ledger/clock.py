"""The database's clock, and the one way in which instants are stored.

An instant is a whole number of microseconds since 1970 UTC on both databases: comparable, indexable, and
never read in some session's time zone. Leases and due times are compared with `db_now` inside the
statement, so a process whose clock is wrong neither loses nor steals work.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, type_coerce
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC; a naive datetime is refused with ValueError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


class _Now(FunctionElement[int]):
    """Microseconds since 1970 by the database's clock, constant within a statement."""

    type = BigInteger()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _sqlite_now(element: _Now, compiler: SQLCompiler, **kw: Any) -> str:
    return "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)"


@compiles(_Now, "postgresql")
def _postgresql_now(element: _Now, compiler: SQLCompiler, **kw: Any) -> str:
    # statement_timestamp() is stable and so may be an index condition; clock_timestamp() may not.
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)"


def db_now(plus: timedelta | None = None) -> ColumnElement[datetime]:
    """The instant at which the statement runs, by the database's clock, plus a constant."""
    if plus is None:
        return type_coerce(_Now(), UtcDateTime)
    return type_coerce(_Now() + plus // _MICROSECOND, UtcDateTime)
