"""The work list: studies with a draft that waits for a person, urgent ones first.

The newest studies of each state that can be reviewed are walked by their index, a bounded number of them; only their
drafts are looked up. So a page costs the same with a million studies as with ten thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, literal, select, tuple_, union_all

from service.adapters.ledger import schema, studies
from service.adapters.ledger.clock import UtcDateTime
from service.adapters.ledger.part import AnySelect
from service.domain.job import JobState
from service.domain.rule import Mode, Priority
from service.ports.catalogue import LOOKED_THROUGH, REVIEWABLE, Place, Waiting

job, log, report, review, study = schema.job, schema.edit_log, schema.report, schema.review, schema.study


@dataclass(kw_only=True, slots=True)
class _Drafts:
    """What waits of one study."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """By rule."""
    saved_by: str = ""
    saved_at: datetime | None = None


def page(connection: Connection, site: str, *, after: Place | None, limit: int) -> Sequence[Waiting]:
    """Most urgent first, then the longest wait; four queries, whatever the number of studies."""
    found = connection.execute(_places(site, after).limit(limit)).all()
    if not found:
        return []
    numbers = [row.id for row in found]
    rows = {row.id: row for row in connection.execute(studies.rows().where(study.c.id.in_(numbers)))}
    drafts = _drafts(connection, site, numbers)
    return [
        Waiting(
            row=studies.study_row(rows[each.id]),
            priority=Priority(each.priority),
            outcomes=tuple(drafts[each.id].outcomes.values()),
            saved_by=drafts[each.id].saved_by,
            saved_at=drafts[each.id].saved_at,
        )
        for each in found
    ]


def _places(site: str, after: Place | None) -> AnySelect:
    """Numbers of the studies in the order of the list, each with its priority."""
    walks = [_newest(site, state) for state in REVIEWABLE]
    looked = union_all(*(select(walk) for walk in walks)).subquery("looked")
    urgent = func.min(job.c.priority).label("priority")
    waiting = (
        select(looked.c.id, looked.c.uid, looked.c.received_last, urgent)
        .join(job, job.c.study_id == looked.c.id)
        .where(*_waits())
        .group_by(looked.c.id, looked.c.uid, looked.c.received_last)
        .subquery("waiting")
    )
    order = (waiting.c.priority, waiting.c.received_last, waiting.c.uid)
    query = select(waiting).order_by(*order)
    if after is None:
        return query
    priority, received, last = after
    return query.where(tuple_(*order) > tuple_(literal(priority), literal(received, UtcDateTime), literal(last)))


def _newest(site: str, state: str) -> Any:
    """One walk of the index of states, newest first."""
    of = (study.c.site == site, study.c.state == state)
    newest_first = (study.c.received_last.desc(), study.c.uid.desc())
    query = select(study.c.id, study.c.uid, study.c.received_last).where(*of)
    return query.order_by(*newest_first).limit(LOOKED_THROUGH).subquery(f"walk_{state}")


def _waits() -> Sequence[ColumnElement[bool]]:
    """Whether a job is the newest draft of its study and rule, and no one has spoken of it."""
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


def _drafts(connection: Connection, site: str, numbers: Sequence[int]) -> Mapping[int, _Drafts]:
    query = (
        select(job.c.study_id, job.c.generation, job.c.rule, job.c.outcome)
        .where(job.c.study_id.in_(numbers), *_waits())
        .order_by(job.c.rule, job.c.id)
    )
    found = {number: _Drafts() for number in numbers}
    of_reading: dict[str, int] = {}
    for row in connection.execute(query):
        found[row.study_id].outcomes[row.rule] = row.outcome
        of_reading[str(row.generation)] = row.study_id
    for row in connection.execute(_saves(site, list(of_reading))):
        mine = found[of_reading[row.job_id]]
        mine.saved_by, mine.saved_at = row.reviewer, row.at
    return found


def _saves(site: str, readings: Sequence[str]) -> AnySelect:
    """What people saved of drafts, oldest first: theirs alone is a list of edits, see `adapters/edit_chain`."""
    of = (log.c.site == site, log.c.job_id.in_(readings), log.c.edits.like("[%"))
    return select(log.c.job_id, log.c.reviewer, log.c.at).where(*of).order_by(log.c.at, log.c.number)
