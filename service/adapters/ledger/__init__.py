"""The ledger in SQL: SQLite for one host, PostgreSQL for several. Use `SqlLedger`."""

from __future__ import annotations

from service.adapters.ledger import schema
from service.adapters.ledger.assembling import SqlAssembling
from service.adapters.ledger.catalogue import SqlCatalogue
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.configversions import ConfigTexts, SqlConfigVersions
from service.adapters.ledger.delivering import SqlDelivering
from service.adapters.ledger.engine import Database
from service.adapters.ledger.lanes import SqlLanes
from service.adapters.ledger.migrations import pending, upgrade
from service.adapters.ledger.part import insert_into
from service.adapters.ledger.recalling import SqlRecalling
from service.adapters.ledger.receiving import SqlReceiving
from service.adapters.ledger.working import SqlWorking

__all__ = ["ConfigTexts", "Database", "SqlLedger"]


class SqlLedger(
    SqlReceiving, SqlAssembling, SqlWorking, SqlDelivering, SqlRecalling, SqlLanes, SqlCatalogue, SqlConfigVersions
):
    """The ports `Ledger` and `Catalogue`, and the texts of configurations, over one database.

    Connects when first used, and anew after a fork; may be used by many threads. `upgrade` comes before
    the first use of a new or older database.
    """

    def __init__(self, url: str | Database, *, site: str = "main") -> None:
        super().__init__(url if isinstance(url, Database) else Database(url), site)

    def upgrade(self) -> None:
        """Bring the tables up to this version; harmless if several processes do it at once."""
        upgrade(self.database)
        with self.database.write() as connection:
            statement = insert_into(connection, schema.site).values(name=self.site, created_at=db_now())
            connection.execute(statement.on_conflict_do_nothing())

    def pending(self) -> tuple[str, ...]:
        """Migrations that this version knows and the database lacks, oldest first."""
        return pending(self.database)

    def close(self) -> None:
        """Give back every connection."""
        self.database.close()
