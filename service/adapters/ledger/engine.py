"""Database: one engine per process, transactions for reading and writing, errors in the house's terms."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.adapters.forks import after_fork
from service.adapters.ledger.direct import run_on_sqlite
from service.adapters.ledger.filesystem import create_private, file_number, refuse_network_file
from service.domain.errors import Misconfigured, Unavailable

BUSY_S = 10.0
"""How long a transaction waits for another's lock before it raises Unavailable."""

_BUSY_SQLITE = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL",
                "SQLITE_NOMEM", "SQLITE_READONLY", "SQLITE_INTERRUPT"}  # fmt: skip
_AWAY_SQLSTATES = ("08", "25006", "40001", "40P01", "53", "55P03", "57", "58")
"""PostgreSQL error classes that pass: connection, read-only standby, deadlock, resources, lock wait, shutdown."""

_QUOTING = {"D", "W"}
"""Fields of a PostgreSQL error that may repeat values: detail and context."""


class Raced(Exception):
    """Another transaction changed what this one had decided on; begin again."""


class Database:
    """A ledger's database. Connects when first used, and anew in a forked child."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        self.url = _checked(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.busy_s = busy_s
        self._inherited: list[tuple[Engine, Connection | None]] = []
        self._begin_anew()
        after_fork(weakref.WeakMethod(self._leave_to_parent))

    def _begin_anew(self) -> None:
        self._engine: Engine | None = None
        self._writing: Connection | None = None
        """SQLite's: kept open for whoever has the turn, since to open one costs more than to write a row."""
        self._file: tuple[int, int] | None = None
        """SQLite's: which file is written, whatever has its name by now."""
        self._opening = threading.Lock()
        self._writer = threading.Lock()

    def _leave_to_parent(self) -> None:
        """In a forked child: another thread's lock would never be released here, and closing the parent's
        connections here would end them there."""
        if self._engine is not None:
            self._inherited.append((self._engine, self._writing))
        self._begin_anew()

    @property
    def place(self) -> str:
        """Where it is, in words without user and password."""
        if self.is_sqlite:
            return str(self.url.database)
        host, port = self.url.host or "localhost", self.url.port or 5432
        return f"PostgreSQL at {host}:{port}, database {self.url.database}"

    @property
    def engine(self) -> Engine:
        """The engine of this process, opened when it is first asked for."""
        with self._opening:
            if self._engine is None:
                self._engine = _open(self.url, busy_s=self.busy_s)
            return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing and waits for no writer."""
        with _in_house_terms(self.place), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, has_turn: bool = False) -> Iterator[Connection]:
        """A transaction that commits when the block ends, changes nothing if it raises; `has_turn`: within `turn`."""
        # SQLite's own wait polls and is unfair: a process's threads queue here, only processes meet there.
        queue = self.turn() if self.is_sqlite and not has_turn else nullcontext()
        with _in_house_terms(self.place), queue, self._to_write() as connection, connection.begin():
            yield connection

    @contextmanager
    def _to_write(self) -> Iterator[Connection]:
        """A connection that may write; on SQLite the one of whoever has the turn, opened anew after a failure."""
        if not self.is_sqlite:
            with self.engine.connect() as connection:
                yield connection
            return
        self._look_for_file()
        if self._writing is None:
            self._writing = self.engine.connect().execution_options(preread_writes=True)
            self._file = self._file or file_number(self.place)
        try:
            yield self._writing
        except BaseException:
            self._close_writing()
            raise

    def _look_for_file(self) -> None:
        """SQLite goes on writing to a file that was removed or replaced, and what was committed there is gone."""
        if self._file is not None and file_number(self.place) != self._file:
            raise Unavailable(
                f"the ledger ({self.place}) was removed or replaced while it was open: start preread anew"
            )

    def _close_writing(self) -> None:
        connection, self._writing = self._writing, None
        if connection is not None:
            connection.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """To be this process's one writer, on SQLite. Raises Unavailable if others are for too long."""
        writer = self._writer
        if not writer.acquire(timeout=self.busy_s):
            raise Unavailable(f"the ledger was busy for {self.busy_s:g} s")
        try:
            yield
        finally:
            writer.release()

    def close(self) -> None:
        """Give back every connection; the next use opens anew."""
        with self._opening:
            engine, self._engine = self._engine, None
        with suppress(Unavailable), self.turn():  # who writes for so long keeps its connection
            self._close_writing()
            self._file = None
        if engine is not None:
            engine.dispose()


def _checked(text: str) -> URL:
    url = make_url(text)
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise Misconfigured("the ledger needs a file: sqlite:////folder/ledger.sqlite")
        return url
    if url.drivername in {"postgresql", "postgresql+pg8000"}:
        return url.set(drivername="postgresql+pg8000")
    raise Misconfigured(f"database {url.drivername} is not supported; use sqlite:///FILE or postgresql+pg8000://...")


def _open(url: URL, *, busy_s: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        refuse_network_file(url.database)
        create_private(url.database)
        engine = create_engine(url, pool_size=8, max_overflow=56, pool_timeout=busy_s, hide_parameters=True)
        event.listen(engine, "connect", _pragmas(busy_s))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=28,
        pool_timeout=busy_s,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"timeout": max(3 * busy_s, 1), "tcp_keepalive": True},
    )
    event.listen(engine, "connect", _session(busy_s))
    event.listen(engine, "handle_error", _leave_out_values)
    return engine


def _pragmas(busy_s: float) -> Any:
    def prepare(connection: DBAPIConnection, record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {int(busy_s * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",  # patient data stays in the ledger's own files
            "cache_size = -16384",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("preread_writes", False)
    run_on_sqlite(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")


def _session(busy_s: float) -> Any:
    def prepare(connection: DBAPIConnection, record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = '{int(busy_s * 1000)}ms'")
        cursor.execute(f"SET statement_timeout = '{int(busy_s * 2000)}ms'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{int(busy_s * 6000)}ms'")
        cursor.execute("SHOW synchronous_commit")
        row = cursor.fetchone()
        if row is not None and row[0] == "off":
            cursor.execute("SET synchronous_commit = on")  # first durable, then yes
        connection.commit()
        cursor.close()

    return prepare


def _leave_out_values(context: ExceptionContext) -> None:
    """PostgreSQL's detail quotes the row that failed, which may be a patient's; texts of errors reach logs
    (invariant 11)."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    fields = original.args[0] if original.args else None
    if isinstance(fields, dict):
        for name in _QUOTING:  # in place: the driver's own exception, which this one was raised from, has them, too
            fields.pop(name, None)
        if wrapped is not None:
            wrapped.args = (f"({type(original).__name__}) {original}",)


@contextmanager
def _in_house_terms(where: str) -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(f"the ledger ({where}) has no free connection") from error
    except DBAPIError as error:
        if is_away(error):
            raise Unavailable(f"the ledger ({where}) is locked or away") from error
        raise


def is_away(error: DBAPIError) -> bool:
    """Whether the error passes by itself: locked, full, shut down, unreachable."""
    original = error.orig
    name = getattr(original, "sqlite_errorname", None)
    if name is not None:
        return any(name == busy or name.startswith(f"{busy}_") for busy in _BUSY_SQLITE)
    if error.connection_invalidated or type(original).__name__ == "InterfaceError":
        return True
    details = original.args[0] if original is not None and original.args else None
    code = str(details.get("C", "")) if isinstance(details, dict) else ""
    return code.startswith(_AWAY_SQLSTATES)
