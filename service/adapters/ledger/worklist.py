"""The work list: studies with a draft that waits for a person, urgent ones first.

A page walks one index, in its order, to its last row and no further: it costs the same with a million studies, and
every draft can be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_

from service.adapters.ledger import drafts, schema, studies
from service.adapters.ledger.clock import UtcDateTime
from service.adapters.ledger.part import AnySelect
from service.domain.rule import Priority
from service.ports.catalogue import Place, Waiting

job, log, study = schema.job, schema.edit_log, schema.study


@dataclass(kw_only=True, slots=True)
class _Drafts:
    """What waits of one study."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """By rule."""
    saved_by: str = ""
    saved_at: datetime | None = None


def page(connection: Connection, site: str, *, after: Place | None, limit: int) -> Sequence[Waiting]:
    """Most urgent first, then the longest wait; four queries, whatever the number of studies."""
    found = connection.execute(places(site, after).limit(limit)).all()
    if not found:
        return []
    numbers = [row.id for row in found]
    rows = {row.id: row for row in connection.execute(studies.rows().where(study.c.id.in_(numbers)))}
    waiting = _drafts(connection, site, numbers)
    return [
        Waiting(
            row=studies.study_row(rows[each.id]),
            priority=Priority(each.waits),
            outcomes=tuple(waiting[each.id].outcomes.values()),
            saved_by=waiting[each.id].saved_by,
            saved_at=waiting[each.id].saved_at,
        )
        for each in found
    ]


def places(site: str, after: Place | None) -> AnySelect:
    """Numbers of the studies in the order of the list, each with its priority: one walk of `ix_study_waits`."""
    order = (study.c.waits, study.c.received_last, study.c.uid)
    query = select(study.c.id, study.c.waits).where(study.c.site == site, study.c.waits.is_not(None)).order_by(*order)
    if after is None:
        return query
    priority, received, last = after
    return query.where(tuple_(*order) > tuple_(literal(priority), literal(received, UtcDateTime), literal(last)))


def _drafts(connection: Connection, site: str, numbers: Sequence[int]) -> Mapping[int, _Drafts]:
    query = (
        select(job.c.study_id, job.c.generation, job.c.rule, job.c.outcome)
        .where(job.c.study_id.in_(numbers), *drafts.waits())
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
