"""The state that the studies page shows, and what of it waits for a radiologist: derived from jobs, deliveries and
reviews, kept so that it can be asked for.

"scheduled" and "reading" are kept as one state, ACTIVE, and told apart when they are shown: so a claim
touches no study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, not_, or_, select, update

from service.adapters.ledger import drafts, schema
from service.adapters.ledger.jobs import NOT_TAKEN, RECALLED_WITH
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.job import JobState
from service.domain.report import Outcome
from service.ports.catalogue import REVIEWABLE

RECEIVING = "receiving"
UNMATCHED = "unmatched"
ACTIVE = "active"
SCHEDULED = "scheduled"
READING = "reading"
DELIVERING = "delivering"
DONE = "done"
ATTENTION = "attention"

_OPEN_JOBS = frozenset({JobState.SCHEDULED, JobState.IN_PROGRESS})
_OPEN_DELIVERIES = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})
_TROUBLED_DELIVERIES = frozenset({DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.EXPIRED})


@dataclass(frozen=True, slots=True)
class JobFact:
    """A job in order of its generation; the newest of a rule speaks for the rule."""

    rule: str
    state: JobState
    outcome: str


@dataclass(frozen=True, slots=True)
class DeliveryFact:
    kind: DeliveryKind
    state: DeliveryState


def state_of(*, receiving: bool, jobs: Sequence[JobFact], deliveries: Sequence[DeliveryFact]) -> str:
    """What a study that was handed over, or is being received, looks like from outside."""
    newest = {fact.rule: fact for fact in jobs}.values()
    results = [fact for fact in deliveries if fact.kind is not DeliveryKind.ORIGINAL]
    if receiving:
        return RECEIVING
    if any(fact.state in _OPEN_JOBS for fact in jobs):
        return ACTIVE
    if any(fact.state in _TROUBLED_DELIVERIES for fact in deliveries):
        return ATTENTION
    if any(fact.state is JobState.CANCELED or fact.outcome == Outcome.FAILED for fact in newest):
        return ATTENTION
    if any(fact.state in _OPEN_DELIVERIES for fact in results):
        return DELIVERING
    return DONE if jobs else UNMATCHED


def refresh(connection: Connection, study_id: int) -> None:
    """Write down the state of a study whose row is locked, and the priority of what waits of it for a person.

    A reading that routing itself took back counts for nothing: the study is what it would be without.
    """
    study, job, delivery = schema.study, schema.job, schema.delivery
    recalled = job.c.reason.startswith(RECALLED_WITH)
    opened = connection.scalar(select(study.c.opened_at).where(study.c.id == study_id))
    taken_back = and_(job.c.state == JobState.CANCELED.value, or_(job.c.reason == NOT_TAKEN, recalled))
    jobs = connection.execute(
        select(job.c.rule, job.c.state, job.c.outcome)
        .where(job.c.study_id == study_id, not_(taken_back))
        .order_by(job.c.generation, job.c.id)
    ).all()
    deliveries = connection.execute(
        select(delivery.c.kind, delivery.c.state, func.count())
        .where(delivery.c.study_id == study_id)
        .group_by(delivery.c.kind, delivery.c.state)
    )
    state = state_of(
        receiving=opened is not None,
        jobs=[JobFact(row.rule, JobState(row.state), row.outcome) for row in jobs],
        deliveries=[DeliveryFact(DeliveryKind(row.kind), DeliveryState(row.state)) for row in deliveries],
    )
    finished = state in REVIEWABLE and any(row.state == JobState.COMPLETED for row in jobs)
    waits = drafts.most_urgent(connection, study_id) if finished else None
    changed = or_(study.c.state != state, study.c.waits.is_distinct_from(waits))
    connection.execute(update(study).where(study.c.id == study_id, changed).values(state=state, waits=waits))
