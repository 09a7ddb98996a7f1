"""Dismissed issues in SQL: rows are only added; one dismisses an issue, the next brings it back, and so on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, func, select

from service.adapters.ledger import schema
from service.adapters.ledger.counting import RESTORED, TURN, add_dismissal, dismissed_kind
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
        with self._database.write() as connection:
            turns, kind = self._turns(connection, dismissal.job_id)[dismissal.key], dismissal.kind.value
            if turns % 2 == 0:
                self._add(connection, dismissal, turns, self._kind(connection, dismissal) or kind)

    def restore(self, dismissal: Dismissal) -> bool:
        with self._database.write() as connection:
            turns = self._turns(connection, dismissal.job_id)[dismissal.key]
            kind = f"{RESTORED}{self._kind(connection, dismissal)}"
            return turns % 2 == 1 and self._add(connection, dismissal, turns, kind)

    def keys(self, job_id: str) -> frozenset[str]:
        with self._database.read() as connection:
            turns = self._turns(connection, job_id)
        return frozenset(key for key, number in turns.items() if number % 2)

    def counts(self) -> Mapping[str, int]:
        query = select(table.c.kind, func.count()).where(table.c.site == self._site).group_by(table.c.kind)
        found: Counter[str] = Counter()
        with self._database.read() as connection:
            for stored, number in connection.execute(query):
                kind, sign = dismissed_kind(stored)
                found[kind] += sign * int(number)
        return +found

    def _turns(self, connection: Connection, job_id: str) -> Counter[str]:
        """How often each issue of one job's report was dismissed and brought back so far."""
        query = select(table.c.issue_key).where(table.c.site == self._site, table.c.job_id == job_id)
        return Counter(key.partition(TURN)[0] for key in connection.execute(query).scalars())

    def _kind(self, connection: Connection, dismissal: Dismissal) -> str | None:
        """What the issue was first dismissed as: it counts as that, whatever is said of it later."""
        mine = (table.c.site == self._site, table.c.job_id == dismissal.job_id, table.c.issue_key == dismissal.key)
        return connection.scalar(select(table.c.kind).where(*mine))

    def _add(self, connection: Connection, dismissal: Dismissal, turns: int, kind: str) -> bool:
        """The next turn of an issue; of two at once one is kept, as both have the same key."""
        row: dict[str, Any] = {
            "site": self._site, "job_id": dismissal.job_id, "kind": kind,
            "issue_key": f"{dismissal.key}{TURN}{turns}" if turns else dismissal.key,
            "study_uid": dismissal.study_instance_uid, "reviewer": dismissal.reviewer,
            "at": dismissal.at.astimezone(UTC),
        }  # fmt: skip
        kept = connection.execute(insert_into(connection, table).values(**row).on_conflict_do_nothing())
        if kept.rowcount == 1:
            add_dismissal(connection, self._site, dismissal.job_id, kind)
        return kept.rowcount == 1
