"""Direct: a statement whose text is made once and that SQLite runs without SQLAlchemy's execution.

For the few statements that every instance goes through: on SQLite what leads from a statement to its text and from its
rows back costs more than ten times as much as running it. On PostgreSQL, a round trip away, it is SQLAlchemy's.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

AnyRow = Row[*tuple[Any, ...]]
Values = Mapping[str, Any]
_Process = Callable[[Any], Any] | None


class Direct:
    """One statement, with named parameters; an INSERT or UPDATE sets the columns that it is given values for."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, ...], _Text] = {}

    def run(self, connection: Connection, values: Values) -> None:
        """Raises as `Connection.execute` does."""
        self._rows(connection, values)

    def first(self, connection: Connection, values: Values) -> AnyRow | None:
        """The first row; None if there is none."""
        rows = self._rows(connection, values)
        return rows[0] if rows else None

    def scalar(self, connection: Connection, values: Values) -> Any:
        """The first column of the first row; None if there is none."""
        row = self.first(connection, values)
        return None if row is None else row[0]

    def _rows(self, connection: Connection, values: Values) -> Sequence[AnyRow]:
        # Who listens to statements, as the tests of faults do, hears these, too.
        if connection.dialect.name != "sqlite" or connection.dispatch.before_cursor_execute:
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        names = tuple(values)
        text = self._texts.get(names) or self._texts.setdefault(
            names, _Text(self._statement, names, connection.dialect)
        )
        return text.rows(connection, values)


def run_on_sqlite(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement. Raises SQLAlchemy's DBAPIError of the driver's."""
    driver: Any = connection.connection.driver_connection
    try:
        return list(driver.execute(sql, parameters).fetchall())
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, sqlite3.Error, hide_parameters=True) from error


class _Text:
    """A statement in SQLite's words, for these parameters."""

    def __init__(self, statement: Executable, names: tuple[str, ...], dialect: Dialect) -> None:
        assert isinstance(statement, ClauseElement)
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
        assert not compiled.insert_prefetch, "a default of SQLAlchemy's needs its execution"
        assert not compiled.update_prefetch, "a default of SQLAlchemy's needs its execution"
        self._sql = str(compiled)
        self._parameters: list[tuple[str, _Process]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup
        ]
        self._constants = {name: value for name, value in compiled.params.items() if name not in names}
        columns = compiled._result_columns or ()
        self._row = namedtuple("Row", [column.keyname for column in columns]) if columns else None
        self._results: list[_Process] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]

    def rows(self, connection: Connection, values: Values) -> Sequence[AnyRow]:
        given = {**self._constants, **values}
        parameters = [given[name] if to is None else to(given[name]) for name, to in self._parameters]
        return [self._made(row) for row in run_on_sqlite(connection, self._sql, parameters)]

    def _made(self, row: tuple[Any, ...]) -> AnyRow:
        assert self._row is not None
        pairs = zip(row, self._results, strict=True)
        made: Any = self._row(*[value if of is None else of(value) for value, of in pairs])
        return made  # type: ignore[no-any-return]
