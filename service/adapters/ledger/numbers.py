"""Numbers: how deep lanes are, how long stages take, how many of what there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, Table, case, func, literal, select

from service.adapters.ledger import schema
from service.adapters.ledger.part import AnyRow, AnySelect
from service.adapters.ledger.states import ATTENTION
from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.lane import READ
from service.ports.catalogue import LaneDepth, StageTimes

delivery, job, manifest, study = schema.delivery, schema.job, schema.manifest, schema.study

_SAMPLE = 5000
"""Newest rows of the window that percentiles are taken of."""


def depths(connection: Connection, site: str) -> Sequence[LaneDepth]:
    """Lanes that hold a row; costs what is open, not what was ever done."""
    read = _depth(literal(READ), job, working=JobState.IN_PROGRESS).where(job.c.site == site)
    owed = _depth(delivery.c.lane, delivery, working=DeliveryState.SENDING).where(delivery.c.site == site)
    rows = [*connection.execute(read), *connection.execute(owed.group_by(delivery.c.lane).order_by(delivery.c.lane))]
    return [_lane_depth(row) for row in rows if row.open]


def _depth(lane: ColumnElement[str], table: Table, *, working: JobState | DeliveryState) -> AnySelect:
    leased = table.c.state == working.value
    return select(
        lane.label("lane"),
        func.count().label("open"),
        func.sum(case((leased, 1), else_=0)).label("working"),
        func.sum(case((~leased & (table.c.attempt > 0), 1), else_=0)).label("retrying"),
        func.min(case((~leased, table.c.created_at))).label("oldest"),
    ).where(table.c.next_due.is_not(None))


def _lane_depth(row: AnyRow) -> LaneDepth:
    working = row.working or 0
    return LaneDepth(
        lane=row.lane,
        waiting=row.open - working,
        working=working,
        retrying=row.retrying or 0,
        oldest=row.oldest,
    )


def stage_times(connection: Connection, site: str, *, since: datetime) -> Sequence[StageTimes]:
    stages = (
        ("assemble", manifest, manifest.c.opened_at, manifest.c.created_at),
        ("read", job, job.c.started_at, job.c.finished_at),
        ("deliver", delivery, delivery.c.created_at, delivery.c.sent_at),
    )
    return [_stage(connection, site, name, begin, end, since=since) for name, _, begin, end in stages]


def _stage(
    connection: Connection, site: str, name: str, begin: Column[datetime], end: Column[datetime], *, since: datetime
) -> StageTimes:
    query = (
        select(begin.label("begin"), end.label("end"))
        .where(end.table.c.site == site, end >= since, begin.is_not(None))
        .order_by(end.desc())
        .limit(_SAMPLE)
    )
    took = sorted(max(0.0, (row.end - row.begin).total_seconds()) for row in connection.execute(query))
    return StageTimes(stage=name, count=len(took), p50_s=_percentile(took, 50), p95_s=_percentile(took, 95))


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank; 0 of nothing."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def attention(connection: Connection, site: str) -> int:
    """Studies that need a person."""
    query = select(func.count()).where(study.c.site == site, study.c.state == ATTENTION)
    return connection.scalar(query) or 0


def counts(connection: Connection, site: str) -> dict[str, int]:
    found = connection.execute(
        select(func.count().label("studies"), func.sum(study.c.instances).label("instances")).where(
            study.c.site == site
        )
    ).one()
    conflicts = select(func.sum(study.c.conflicts)).where(study.c.site == site, study.c.conflicts > 0)
    objects = select(func.count()).select_from(schema.object_).where(schema.object_.c.site == site)
    totals = {
        "instances": found.instances or 0,
        "studies": found.studies,
        "objects": connection.scalar(objects) or 0,
        "conflicts": connection.scalar(conflicts) or 0,
        "studies in attention": attention(connection, site),
    }
    for name, table, states in (("job", job, JobState), ("delivery", delivery, DeliveryState)):
        by_state = select(table.c.state, func.count().label("n")).where(table.c.site == site).group_by(table.c.state)
        seen = {row.state: row.n for row in connection.execute(by_state)}
        totals |= {f"{name} {state.value}": seen.get(state.value, 0) for state in states}
    return {key: int(value) for key, value in totals.items()}
