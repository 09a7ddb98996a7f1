"""Migrations: one set for both databases, shipped with the package, run by the program itself.

They expand first and contract a release later, so that old and new processes may share a database while
they are replaced one by one.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.adapters.ledger.engine import Database
from service.domain.errors import Misconfigured

_ADVISORY_LOCK = 0x70726572656164  # "preread"


def upgrade(database: Database) -> None:
    """Bring the tables up to date in one transaction. Of several processes one works, the others wait for it.

    Raises Misconfigured for a database that a newer version of preread has migrated.
    """
    config = _config()
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        if _missing(connection, config):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def pending(database: Database) -> tuple[str, ...]:
    """Migrations that the database lacks, oldest first."""
    with database.read() as connection:
        return _missing(connection, _config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _missing(connection: Connection, config: Config) -> tuple[str, ...]:
    current = MigrationContext.configure(connection).get_current_revision()
    ordered = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    if current is None:
        return tuple(ordered)
    if current not in ordered:
        raise Misconfigured(f"the ledger was migrated by a newer preread (to {current}); start that version")
    return tuple(ordered[ordered.index(current) + 1 :])
