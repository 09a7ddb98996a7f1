"""Configurations as texts: immutable, numbered versions of rules and nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from service.adapters.ledger import schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.engine import Raced
from service.adapters.ledger.part import AnyRow, Part, insert_into
from service.domain.errors import Unavailable

table = schema.config_version
_RACES = 5


@dataclass(kw_only=True, slots=True)
class ConfigTexts:
    """One stored version: the files as they were applied, by file name."""

    number: int
    texts: Mapping[str, str]
    applied_at: datetime
    applied_by: str


class SqlConfigVersions(Part):
    """What the ledger keeps of configurations."""

    def config(self, number: int | None = None) -> ConfigTexts | None:
        """A version, the newest without a number; None if there is none."""
        with self.database.read() as connection:
            return _find(connection, self.site, number)

    def add_config(self, texts: Mapping[str, str], *, by: str) -> ConfigTexts:
        """The next version; texts equal to the newest version's return that one."""
        for _ in range(_RACES):
            try:
                with self.database.write() as connection:
                    return _add(connection, self.site, texts, by=by)
            except Raced:
                continue
        raise Unavailable("several processes apply configurations at once")


def _find(connection: Connection, site: str, number: int | None) -> ConfigTexts | None:
    query = select(table).where(table.c.site == site).order_by(table.c.number.desc()).limit(1)
    if number is not None:
        query = query.where(table.c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _texts(row)


def _texts(row: AnyRow) -> ConfigTexts:
    return ConfigTexts(
        number=row.number, texts=json.loads(row.texts), applied_at=row.applied_at, applied_by=row.applied_by
    )


def _add(connection: Connection, site: str, texts: Mapping[str, str], *, by: str) -> ConfigTexts:
    newest = _find(connection, site, None)
    if newest is not None and newest.texts == dict(texts):
        return newest
    number = newest.number + 1 if newest else 1
    row = connection.execute(
        insert_into(connection, table)
        .values(
            site=site,
            number=number,
            texts=json.dumps(dict(texts), ensure_ascii=False),
            applied_at=db_now(),
            applied_by=by,
        )
        .on_conflict_do_nothing()
        .returning(table)
    ).one_or_none()
    if row is None:
        raise Raced
    return _texts(row)
