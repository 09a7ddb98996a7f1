"""Delivering: what is owed to one destination, in its own lane, and under which identity it may leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydicom.uid import UID
from sqlalchemy import ColumnElement, Connection, and_, exists, false, null, or_, select, true, update

from service.adapters.ledger import identities, schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.part import AnyRow, AnySelect, Part, for_update, key, lock_study, lock_study_of
from service.adapters.ledger.rows import delivery_of, identity_of, overtaken
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import Delivery, DeliveryEvent, DeliveryKind, DeliveryState, delivery_after
from service.domain.event import EventKind
from service.domain.job import IllegalTransition
from service.domain.rule import Priority
from service.domain.study import Identity

delivery, study = schema.delivery, schema.study

_TOLD_OF_ORIGINALS = frozenset({DeliveryEvent.HELD, DeliveryEvent.REFUSED, DeliveryEvent.EXPIRED})
"""A study has hundreds of originals: only what a person must look at makes a sentence each."""


class SqlDelivering(Part):
    """The port `Delivering`."""

    def claim_deliveries(self, lane: str, worker: str, *, lease: timedelta, limit: int) -> Sequence[Delivery]:
        with self.database.write() as connection:
            found: list[AnyRow] = []
            for priority in Priority:
                if len(found) < limit:
                    query = _due(self.site, lane, priority).limit(limit - len(found))
                    found += connection.execute(_only_deliveries(query))
            if not found:
                return ()
            return _take(connection, found, worker, lease=lease)

    def renew_deliveries(self, batch: Sequence[Delivery], *, lease: timedelta) -> int:
        mine = [and_(delivery.c.id == key(one.delivery_id), delivery.c.attempt == one.attempt) for one in batch]
        held = (delivery.c.site == self.site, delivery.c.state == DeliveryState.SENDING.value, or_(*mine))
        values = {"lease_until": db_now(lease), "next_due": db_now(lease)}
        with self.database.write() as connection:
            return connection.execute(update(delivery).where(*held).values(**values)).rowcount

    def settle_delivery(
        self,
        delivery: Delivery,
        event: DeliveryEvent,
        *,
        text: str,
        now: datetime,
        after: timedelta = timedelta(),
        sent: bool = True,
    ) -> bool:
        with self.database.write() as connection:
            watched = delivery.kind is not DeliveryKind.ORIGINAL or event in _TOLD_OF_ORIGINALS
            if watched:
                lock_study(connection, self.site, delivery.study_instance_uid)
            held = DeliveryState.SENT if event is DeliveryEvent.COMMITTED else DeliveryState.SENDING
            row = _locked(connection, self.site, delivery.delivery_id)
            if row is None or row.attempt != delivery.attempt or row.state != held:
                return False
            _settle(connection, row, event, text=text, now=now, after=after, sent=sent)
            if watched:
                refresh(connection, row.study_id)
            return True

    def stand_in(self, delivery: Delivery, roles: Sequence[str], *, text: str, now: datetime) -> str:
        with self.database.write() as connection:
            lock_study(connection, self.site, delivery.study_instance_uid)
            row = _locked(connection, self.site, delivery.delivery_id)
            if row is None or row.attempt != delivery.attempt or row.state != DeliveryState.SENDING or row.doomed:
                return ""
            other = _stand_in(connection, row, roles)
            if other is None:
                return ""
            if other.state == DeliveryState.STANDBY:
                _call_in(connection, other)
            told = f"{text} {other.role} stands in."
            _settle(connection, row, DeliveryEvent.SUPERSEDED, text=told, now=now, after=timedelta(), sent=False)
            refresh(connection, row.study_id)
            return str(other.role)

    def retry_delivery(self, delivery_id: str, *, by: str, now: datetime) -> bool:
        with self.database.write() as connection:
            where = (delivery.c.site == self.site, delivery.c.id == key(delivery_id))
            study_id = connection.scalar(select(delivery.c.study_id).where(*where))
            if study_id is None:
                return False
            locked = lock_study_of(connection, study_id)
            row = _locked(connection, self.site, delivery_id)
            if row is None or overtaken(row, locked.identity_version):
                return False
            event = DeliveryEvent.RELEASED if row.state == DeliveryState.HELD else DeliveryEvent.RETRIED
            try:
                state = delivery_after(DeliveryState(row.state), event)
            except IllegalTransition:
                return False
            values = {"state": state.value, "next_due": db_now(), "lease_until": null(), "sent_at": null()}
            values["sent_again_at"] = row.attempt
            connection.execute(update(delivery).where(delivery.c.id == row.id).values(**values))
            told = f"{by} sends {_what(row)} to {row.destination} again"
            tell(connection, self.site, EventKind.OPERATOR, told, at=now, study_id=row.study_id, delivery_id=row.id)
            refresh(connection, row.study_id)
            return True

    def current_identity(self, study_instance_uid: UID) -> tuple[int, Identity]:
        """Raises KeyError for an unknown study."""
        facts = schema.identity
        query = (
            select(facts.c.version, facts.c.facts)
            .join(study, study.c.id == facts.c.study_id)
            .where(study.c.site == self.site, study.c.uid == study_instance_uid)
            .where(facts.c.version == study.c.identity_version)
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise KeyError(f"study {study_instance_uid} is unknown")
        return row.version, identity_of(row.facts)

    def reidentify(self, study_instance_uid: UID, identity: Identity, *, source: str, now: datetime) -> int:
        """Raises KeyError for an unknown study."""
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, study_instance_uid)
            if locked is None:
                raise KeyError(f"study {study_instance_uid} is unknown")
            if locked.identity_digest == identity.digest:
                return int(locked.identity_version)
            return identities.next_version(connection, locked, identity, source=source, now=now)


def _due(site: str, lane: str, priority: Priority) -> AnySelect:
    """One range of the index; nothing that an identity or a newer result has overtaken."""
    current = or_(
        delivery.c.kind != DeliveryKind.RESULT.value,
        delivery.c.identity_version.is_(None),
        delivery.c.identity_version >= study.c.identity_version,
    )
    return (
        select(delivery, study.c.uid.label("study_uid"))
        .join(study, study.c.id == delivery.c.study_id)
        .where(delivery.c.site == site, delivery.c.lane == lane, delivery.c.priority == int(priority))
        .where(delivery.c.next_due <= db_now(), delivery.c.doomed == false(), current)
        .where(or_(delivery.c.kind != DeliveryKind.ORIGINAL.value, ~_overtakes()))
        .order_by(delivery.c.next_due, delivery.c.id)
    )


def _overtakes() -> ColumnElement[bool]:
    """Whether a former header of the same instance is on its way to the same destination: it arrives first, or
    not at all."""
    former = delivery.alias("former")
    return exists().where(
        former.c.study_id == delivery.c.study_id,
        former.c.kind == DeliveryKind.ORIGINAL.value,
        former.c.state == DeliveryState.SENDING.value,
        former.c.doomed == true(),
        former.c.instance_id == delivery.c.instance_id,
        former.c.destination == delivery.c.destination,
    )


def _only_deliveries(query: AnySelect) -> AnySelect:
    """Lock the deliveries alone: a claim waits for no study."""
    return query.with_for_update(of=delivery, skip_locked=True, key_share=True)


def _take(connection: Connection, rows: Sequence[AnyRow], worker: str, *, lease: timedelta) -> list[Delivery]:
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_([row.id for row in rows]))
        .values(
            state=DeliveryState.SENDING.value,
            attempt=delivery.c.attempt + 1,
            worker=worker,
            lease_until=db_now(lease),
            next_due=db_now(lease),
        )
    )
    return [_taken(delivery_of(row)) for row in rows]


def _taken(before: Delivery) -> Delivery:
    """PENDING, or SENDING with its lease run out, and then claimed."""
    state = before.state
    if state is DeliveryState.SENDING:
        state = delivery_after(state, DeliveryEvent.LEASE_EXPIRED)
    return replace(before, state=delivery_after(state, DeliveryEvent.CLAIMED), attempt=before.attempt + 1)


def _locked(connection: Connection, site: str, delivery_id: str) -> AnyRow | None:
    query = select(delivery).where(delivery.c.site == site, delivery.c.id == key(delivery_id))
    return connection.execute(for_update(query)).one_or_none()


def _stand_in(connection: Connection, row: AnyRow, roles: Sequence[str]) -> AnyRow | None:
    """The first of `roles` of the same job that is or will be at the same destination."""
    ready = {role: at for at, role in enumerate(roles)}
    hopeless = (DeliveryState.REFUSED.value, DeliveryState.EXPIRED.value, DeliveryState.SUPERSEDED.value)
    query = select(delivery).where(
        delivery.c.job_id == row.job_id,
        delivery.c.destination == row.destination,
        delivery.c.id != row.id,
        delivery.c.role.in_(ready),
        delivery.c.state.not_in(hopeless),
    )
    return min(connection.execute(for_update(query)).all(), key=lambda other: ready[other.role], default=None)


def _call_in(connection: Connection, row: AnyRow) -> None:
    state = delivery_after(DeliveryState(row.state), DeliveryEvent.STANDS_IN)
    values = {"state": state.value, "next_due": db_now()}
    connection.execute(update(delivery).where(delivery.c.id == row.id).values(**values))


def _settle(
    connection: Connection, row: AnyRow, event: DeliveryEvent, *, text: str, now: datetime, after: timedelta, sent: bool
) -> None:
    if row.doomed and event not in {DeliveryEvent.STORED, DeliveryEvent.COMMITTED}:
        event = DeliveryEvent.SUPERSEDED
    state = delivery_after(DeliveryState(row.state), event)
    values: dict[str, Any] = {
        "state": state.value,
        "lease_until": null(),
        "next_due": db_now(after) if state is DeliveryState.PENDING else null(),
        "last_error": "" if event in {DeliveryEvent.STORED, DeliveryEvent.COMMITTED} else text,
        "nothing_sent": row.nothing_sent + (not sent),
    }
    if state is DeliveryState.SENT:
        values["sent_at"] = now
    connection.execute(update(delivery).where(delivery.c.id == row.id).values(**values))
    if _is_told(row, event, text):
        took = (now - row.created_at).total_seconds() if event is DeliveryEvent.STORED else None
        told = _sentence(row, event, text, after)
        tell(connection, row.site, EventKind.DELIVERY, told, at=now, study_id=row.study_id,
             job_id=row.job_id, delivery_id=row.id, took_s=took)  # fmt: skip


def _is_told(row: AnyRow, event: DeliveryEvent, text: str) -> bool:
    """A destination that is away for a night says so once, not once per attempt."""
    if row.kind == DeliveryKind.ORIGINAL and event not in _TOLD_OF_ORIGINALS:
        return False
    return event is not DeliveryEvent.DEFERRED or text != row.last_error


def _sentence(row: AnyRow, event: DeliveryEvent, text: str, after: timedelta) -> str:
    what = _what(row)
    sentences = {
        DeliveryEvent.STORED: f"{what} sent to {row.destination}: {text}",
        DeliveryEvent.COMMITTED: f"{what} is kept by {row.destination}: {text}",
        DeliveryEvent.DEFERRED: f"{what} to {row.destination} deferred: {text}; again in {after.total_seconds():g} s",
        DeliveryEvent.HELD: f"{what} to {row.destination} held: {text}",
        DeliveryEvent.REFUSED: f"{what} refused by {row.destination}: {text}",
        DeliveryEvent.SUPERSEDED: f"{what} to {row.destination} superseded: {text}",
        DeliveryEvent.EXPIRED: f"{what} to {row.destination} given up: {text}",
    }
    return sentences.get(event, f"{what} to {row.destination} {event.value}: {text}")


def _what(row: AnyRow) -> str:
    return row.role or ("original" if row.kind == DeliveryKind.ORIGINAL else "result")
