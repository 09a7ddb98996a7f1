"""Drafts: which jobs are drafts that wait for a person, and how urgent the most urgent one of a study is.

`study.waits` keeps that priority, NULL where nothing waits, written with the study's state: so the work list is a walk
of one index.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, exists, func, select

from service.adapters.ledger import schema
from service.domain.job import JobState
from service.domain.rule import Mode

job, report, review = schema.job, schema.report, schema.review


def waits() -> Sequence[ColumnElement[bool]]:
    """Whether a job is the newest draft of its study and rule, can be signed, and no one has spoken of it."""
    other = job.alias("other")
    return (
        job.c.state == JobState.COMPLETED.value,
        job.c.mode == Mode.LIVE.value,
        exists().where(report.c.job_id == job.c.id),
        ~exists().where(review.c.job_id == job.c.generation),
        ~exists(select(other.c.id).join(report, report.c.job_id == other.c.id))
        .where(other.c.study_id == job.c.study_id, other.c.rule == job.c.rule)
        .where(other.c.generation > job.c.generation)
        .correlate(job),
    )


def most_urgent(connection: Connection, study_id: int) -> int | None:
    """Priority of the most urgent draft of the study that waits; None where none does."""
    least: int | None = connection.scalar(select(func.min(job.c.priority)).where(job.c.study_id == study_id, *waits()))
    return least
