"""Receiving: what arrives, from whom, and what the ledger makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydicom.uid import UID
from sqlalchemy import select

from service.adapters.ledger import schema
from service.adapters.ledger.admission import admit
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.closing import close
from service.adapters.ledger.convoy import Convoy
from service.adapters.ledger.engine import Database, Raced
from service.adapters.ledger.part import Part, insert_into
from service.adapters.ledger.rows import stored_instance
from service.adapters.ledger.timeline import keep_event
from service.domain.errors import Unavailable
from service.domain.event import Event
from service.domain.study import StoredInstance
from service.ports.ledger import Admission, Association, Reception

_RACES = 3


class SqlReceiving(Part):
    """The port `Receiving`."""

    def __init__(self, database: Database, site: str) -> None:
        super().__init__(database, site)
        self._admissions: Convoy[Reception, Admission] = Convoy(
            database, lambda connection, reception: admit(connection, site, reception)
        )

    def open_association(self, association: Association) -> None:
        with self.database.write() as connection:
            connection.execute(
                insert_into(connection, schema.association)
                .values(
                    site=self.site,
                    association_id=association.association_id,
                    process=association.process,
                    source=association.source,
                    calling_ae_title=association.calling_ae_title,
                    address=association.address,
                    opened_at=association.opened_at,
                    seen_at=db_now(),
                )
                .on_conflict_do_nothing()
            )

    def close_association(self, association_id: str, *, how: str, at: datetime) -> Sequence[UID]:
        with self.database.write() as connection:
            return close(connection, self.site, association_id, how=how, at=at)

    def find_instance(self, sop_instance_uid: UID) -> StoredInstance | None:
        instance, series, study = schema.instance, schema.series, schema.study
        query = (
            select(instance, series.c.uid.label("series_uid"), study.c.uid.label("study_uid"))
            .join(series, series.c.id == instance.c.series_id)
            .join(study, study.c.id == instance.c.study_id)
            .where(instance.c.site == self.site, instance.c.sop_instance_uid == sop_instance_uid)
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else stored_instance(row, study_uid=row.study_uid)

    def issued(self, sop_instance_uid: UID) -> bool:
        made = schema.object_
        query = select(made.c.id).where(made.c.site == self.site, made.c.sop_instance_uid == sop_instance_uid)
        with self.database.read() as connection:
            return connection.scalar(query) is not None

    def admit(self, reception: Reception) -> Admission:
        for _ in range(_RACES):
            try:
                return self._admissions.take(reception)
            except Raced:
                continue
        raise Unavailable("the same instance arrives from several senders at once")

    def note(self, event: Event) -> None:
        with self.database.write() as connection:
            keep_event(connection, self.site, event)
