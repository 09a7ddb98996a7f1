"""Gantt: the stages of a study as bars on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.said import say
from service.flow.explain import STUCK
from service.flow.words import span
from service.ports.catalogue import StudyRecord

WIDTH = 1000.0
"""Units of the drawing; the page scales it."""
LEAST = 4.0
"""So that a stage of no length can still be seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One stage."""

    stage: str
    kind: str
    """work, wait, now (it lasts) or stuck (it will not end by itself)."""
    began: datetime
    ended: datetime | None
    """None while it lasts."""
    took: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    began: datetime
    ended: datetime | None
    kind: str = "work"


def bars(record: StudyRecord, *, now: datetime) -> tuple[Bar, ...]:
    """The study's stages in order; empty if it has none."""
    stages = [*_stages(record)]
    if not stages:
        return ()
    start = min(stage.began for stage in stages)
    end = max((stage.ended or now) for stage in stages)
    scale = WIDTH / max((end - start).total_seconds(), 0.001)
    return tuple(_bar(stage, start, scale, now) for stage in stages)


def _bar(stage: _Stage, start: datetime, scale: float, now: datetime) -> Bar:
    length = max(timedelta(), (stage.ended or now) - stage.began)
    width = max(LEAST, length.total_seconds() * scale)
    left = min((stage.began - start).total_seconds() * scale, WIDTH - width)
    return Bar(
        stage=stage.name,
        kind="now" if stage.ended is None and stage.kind != "stuck" else stage.kind,
        began=stage.began, ended=stage.ended, took=span(length),
        left=round(max(0.0, left), 1), width=round(min(width, WIDTH), 1),
    )  # fmt: skip


def _stages(record: StudyRecord) -> Iterator[_Stage]:
    row = record.row
    yield _Stage(say("arriving"), row.received_first, row.received_last)
    first_job = min((job.created_at for job in record.jobs), default=None)
    if first_job:
        yield _Stage(say("until complete"), row.received_last, max(first_job, row.received_last), "wait")
    for job in sorted(record.jobs, key=lambda job: job.created_at):
        rule, run = job.job.rule, job.job.run_number
        name = rule if run == 1 else say("{rule}, run {run}", rule=rule, run=run)
        yield _Stage(say("waiting: {name}", name=name), job.created_at, job.started_at or job.finished_at, "wait")
        if job.started_at:
            yield _Stage(say("reading: {name}", name=name), job.started_at, job.finished_at)
    results = [delivery for delivery in record.deliveries if delivery.delivery.role]
    for destination in sorted({delivery.delivery.destination for delivery in results}):
        owed = [one for one in results if one.delivery.destination == destination]
        sent = [one.sent_at for one in owed]
        ended = None if None in sent else max(at for at in sent if at)
        stuck = any(one.delivery.state in STUCK for one in owed)
        yield _Stage(
            say("to {destination}", destination=destination),
            min(one.created_at for one in owed),
            ended,
            "stuck" if stuck else "work",
        )
