"""Lanes: what is due, whose lease ran out, who sweeps and who is alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, null, or_, select, update

from service.adapters.ledger import schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.closing import close
from service.adapters.ledger.identities import encode_again
from service.adapters.ledger.part import AnyRow, Part, for_update, insert_into, lock_study_of
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DeliveryEvent, DeliveryState, delivery_after
from service.domain.errors import Misconfigured
from service.domain.event import EventKind
from service.domain.job import MAX_CRASHES, JobEvent, JobState, job_after
from service.domain.lane import READ
from service.domain.rule import Priority
from service.ports.ledger import Beat

association, beat, carried, delivery, job, lock = (
    schema.association, schema.beat, schema.association_study, schema.delivery, schema.job, schema.lock
)  # fmt: skip

_AT_ONCE = 500
"""Rows that one call takes back at most, so that it holds its locks only shortly."""
_FORGET_BEAT = timedelta(days=1)
_OTHER_HOST = timedelta(seconds=60)
"""How long another host counts as alive after its last beat. A container that is made anew has another host name
and so may have to wait as long, until the beats under its old name have aged."""
_PRIORITIES = [int(priority) for priority in Priority]


class SqlLanes(Part):
    """The port `Lanes`."""

    def due_lanes(self) -> Sequence[str]:
        reading = select(
            exists().where(job.c.site == self.site, job.c.priority.in_(_PRIORITIES), job.c.next_due <= db_now())
        )
        with self.database.read() as connection:
            read = [READ] if connection.scalar(reading) else []
            return [*read, *connection.scalars(_due_deliver_lanes(self.site))]

    def expire(self) -> int:
        # Two transactions: each locks studies in order of their number.
        with self.database.write() as connection:
            moved = _expire_jobs(connection, self.site)
        with self.database.write() as connection:
            return moved + _expire_deliveries(connection, self.site)

    def lock(self, name: str, holder: str, *, lease: timedelta) -> bool:
        with self.database.write() as connection:
            taken = (
                insert_into(connection, lock)
                .values(site=self.site, name=name, holder=holder, lease_until=db_now(lease))
                .on_conflict_do_update(
                    index_elements=["site", "name"],
                    set_={"holder": holder, "lease_until": db_now(lease)},
                    where=or_(lock.c.holder == holder, lock.c.lease_until <= db_now()),
                )
                .returning(lock.c.holder)
            )
            return bool(connection.scalar(taken) == holder)

    def beat(self, beat: Beat) -> None:
        """Raises Misconfigured where SQLite would be shared with a living process of another host."""
        table = schema.beat
        with self.database.write() as connection:
            mine = (table.c.site == self.site, table.c.process == beat.process)
            before = connection.execute(select(table).where(*mine)).one_or_none()
            if self.database.is_sqlite:
                _refuse_second_host(connection, self.site, beat.host)
            reborn = before is None or (before.host, before.pid) != (beat.host, beat.pid)
            values = {"host": beat.host, "pid": beat.pid, "at": beat.at, "detail": beat.detail, "seen_at": db_now()}
            since = {"since": db_now()} if reborn else {}
            connection.execute(
                insert_into(connection, table)
                .values(site=self.site, process=beat.process, **values, since=db_now())
                .on_conflict_do_update(index_elements=["site", "process"], set_=values | since)
            )
            if reborn:
                gone = table.c.seen_at < db_now(-_FORGET_BEAT)
                connection.execute(delete(table).where(table.c.site == self.site, gone))

    def beats(self) -> Sequence[Beat]:
        table = schema.beat
        query = select(table).where(table.c.site == self.site).order_by(table.c.process)
        with self.database.read() as connection:
            return [
                Beat(process=row.process, host=row.host, pid=row.pid, at=row.at, detail=row.detail)
                for row in connection.execute(query)
            ]

    def end_beat(self, beat: Beat) -> None:
        table = schema.beat
        mine = (table.c.site == self.site, table.c.process == beat.process)
        with self.database.write() as connection:
            connection.execute(delete(table).where(*mine, table.c.host == beat.host, table.c.pid == beat.pid))

    def lose_associations(self, *, older_than: timedelta) -> int:
        with self.database.read() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            silent = connection.scalars(_silent(self.site, older_than)).all()
        for association_id in silent:
            with self.database.write() as connection:
                close(connection, self.site, association_id, how="lost", at=now)
        return len(silent)


def _due_deliver_lanes(site: str) -> Any:
    """One step of the index per lane, however long the lanes are."""
    open_rows = (delivery.c.site == site, delivery.c.next_due.is_not(None))
    first = select(func.min(delivery.c.lane).label("lane")).where(*open_rows)
    lanes = first.cte("lanes", recursive=True)
    following = select(func.min(delivery.c.lane)).where(*open_rows, delivery.c.lane > lanes.c.lane)
    lanes = lanes.union_all(select(following.scalar_subquery()).where(lanes.c.lane.is_not(None)))
    due = exists().where(
        delivery.c.site == site,
        delivery.c.lane == lanes.c.lane,
        delivery.c.priority.in_(_PRIORITIES),
        delivery.c.next_due <= db_now(),
    )
    return select(lanes.c.lane).where(lanes.c.lane.is_not(None), due)


def _expire_jobs(connection: Connection, site: str) -> int:
    query = (
        select(job.c.id, job.c.study_id)
        .where(job.c.site == site, job.c.state == JobState.IN_PROGRESS.value, job.c.next_due <= db_now())
        .order_by(job.c.id)
        .limit(_AT_ONCE)
    )
    moved = 0
    for found in sorted(connection.execute(query), key=lambda row: (row.study_id, row.id)):
        locked = lock_study_of(connection, found.study_id)
        again = (job.c.state == JobState.IN_PROGRESS.value, job.c.next_due <= db_now())
        row = connection.execute(for_update(select(job).where(job.c.id == found.id, *again))).one_or_none()
        if row is not None:
            if _expire_job(connection, row) is JobState.CANCELED:
                now = connection.execute(select(db_now())).scalar_one()
                encode_again(connection, locked.id, locked.identity_version, now=now)
            refresh(connection, locked.id)
            moved += 1
    return moved


def _expire_job(connection: Connection, row: AnyRow) -> JobState:
    crashes = row.crashes + 1
    state = job_after(JobState(row.state), JobEvent.LEASE_EXPIRED)
    values: dict[str, Any] = {"crashes": crashes, "lease_until": null(), "last_error": "the worker was lost"}
    text = f"attempt {row.attempt} by {row.worker} was lost: its lease ran out"
    if crashes > MAX_CRASHES + 1:
        state = job_after(state, JobEvent.ABANDONED)
        reason = f"{crashes} attempts in a row took their worker down"
        values |= {"next_due": null(), "finished_at": db_now(), "reason": reason}
        text = f"canceled: {reason}"
    connection.execute(update(job).where(job.c.id == row.id).values(state=state.value, **values))
    tell(connection, row.site, EventKind.JOB, text, at=db_now(), study_id=row.study_id, job_id=row.id)
    return state


def _expire_deliveries(connection: Connection, site: str) -> int:
    expired = (delivery.c.state == DeliveryState.SENDING.value, delivery.c.next_due <= db_now())
    query = select(delivery.c.id, delivery.c.study_id).where(delivery.c.site == site, *expired).limit(_AT_ONCE)
    moved = 0
    for found in sorted(connection.execute(query), key=lambda row: (row.study_id, row.id)):
        lock_study_of(connection, found.study_id)
        row = connection.execute(for_update(select(delivery).where(delivery.c.id == found.id, *expired))).one_or_none()
        if row is None:
            continue
        event = DeliveryEvent.SUPERSEDED if row.doomed else DeliveryEvent.LEASE_EXPIRED
        state = delivery_after(DeliveryState(row.state), event)
        values: dict[str, Any] = {"state": state.value, "lease_until": null(), "last_error": "the sender was lost"}
        if row.doomed:
            values["next_due"] = null()
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(**values))
        refresh(connection, row.study_id)
        moved += 1
    return moved


def _refuse_second_host(connection: Connection, site: str, host: str) -> None:
    """Asked at every beat and whatever the process is called: every host may name its processes alike."""
    alive = (beat.c.site == site, beat.c.host != host, beat.c.seen_at > db_now(-_OTHER_HOST))
    other = connection.scalar(select(beat.c.host).where(*alive).limit(1))
    if other is not None:
        raise Misconfigured(
            f"the ledger is SQLite and in use on {other}, this is {host}; SQLite means one host: "
            "set `database` to PostgreSQL, or, if this host only changed its name (a container made anew), "
            f"start again in {_OTHER_HOST.total_seconds():g} s"
        )


def _silent(site: str, older_than: timedelta) -> Any:
    """Open associations that nobody can end any more: their process is silent or was born again since.

    Whatever still carried something within `older_than` is alive.
    """
    since = db_now(-older_than)
    recently = exists().where(carried.c.association_id == association.c.id, carried.c.seen_at > since)
    process = (beat.c.site == site, beat.c.process == association.c.process)
    alive = exists().where(*process, beat.c.seen_at > since, beat.c.since <= association.c.seen_at)
    return (
        select(association.c.association_id)
        .where(
            association.c.site == site,
            association.c.closed_at.is_(None),
            and_(association.c.seen_at <= since, ~recently, ~alive),
        )
        .order_by(association.c.id)
    )
