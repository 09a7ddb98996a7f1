"""Dismissed issues in SQL: one row for each issue of a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from sqlalchemy import func, select

from service.adapters.ledger import schema
from service.adapters.ledger.counting import add_dismissal
from service.adapters.ledger.engine import Database
from service.adapters.ledger.part import insert_into
from service.domain.quality.dismissal import Dismissal

table = schema.dismissal


class SqlDismissals:
    """The port `Dismissals`."""

    def __init__(self, database: Database, *, site: str = "main") -> None:
        self._database = database
        self._site = site

    def dismiss(self, dismissal: Dismissal) -> None:
        row = {
            "site": self._site, "job_id": dismissal.job_id, "issue_key": dismissal.key, "kind": dismissal.kind.value,
            "study_uid": dismissal.study_instance_uid, "reviewer": dismissal.reviewer,
            "at": dismissal.at.astimezone(UTC),
        }  # fmt: skip
        with self._database.write() as connection:
            kept = connection.execute(insert_into(connection, table).values(**row).on_conflict_do_nothing())
            if kept.rowcount == 1:
                add_dismissal(connection, self._site, dismissal.job_id, dismissal.kind.value)

    def keys(self, job_id: str) -> frozenset[str]:
        query = select(table.c.issue_key).where(table.c.site == self._site, table.c.job_id == job_id)
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def counts(self) -> Mapping[str, int]:
        query = select(table.c.kind, func.count()).where(table.c.site == self._site).group_by(table.c.kind)
        with self._database.read() as connection:
            return {str(kind): int(number) for kind, number in connection.execute(query)}
