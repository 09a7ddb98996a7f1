"""Working: one job is claimed, renewed, kept up with, and finished behind the fence of its attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, null, or_, select, update

from service.adapters.ledger import jobs, schema
from service.adapters.ledger.assembling import read_manifest
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.finishing import finish
from service.adapters.ledger.identities import encode_again
from service.adapters.ledger.part import AnyRow, Part, for_update, insert_into, key, lock_study, lock_study_of
from service.adapters.ledger.rows import identity_of, job_of, new_object, step_of
from service.adapters.ledger.signing import signed_by_job
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DeliveryState
from service.domain.event import EventKind
from service.domain.job import JOB_TRANSITIONS, MAX_CRASHES, Job, JobEvent, JobState, Step, job_after
from service.domain.report import Outcome
from service.domain.rule import Priority
from service.ports.ledger import Claim, NewObject

delivery, job, made, study = schema.delivery, schema.job, schema.object_, schema.study

_LEFT = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.COMMITTED)
"""States of a delivery whose destination has the object, or may have it a moment later."""


class SqlWorking(Part):
    """The port `Working`."""

    def claim_job(self, worker: str, *, lease: timedelta) -> Claim | None:
        with self.database.write() as connection:
            found = _best(connection, self.site)
            if found is None:
                return None
            number = _take(connection, self.site, found, worker, lease=lease)
        with self.database.read() as connection:
            return _claim(connection, self.site, number)

    def renew_job(self, job_id: str, attempt: int, *, lease: timedelta) -> bool:
        with self.database.write() as connection:
            until = db_now(lease)
            statement = update(job).where(*self._mine(job_id, attempt)).values(lease_until=until, next_due=until)
            return connection.execute(statement).rowcount == 1

    def keep_step(self, job_id: str, step: Step) -> bool:
        with self.database.write() as connection:
            mine = for_update(select(job.c.id).where(*self._mine(job_id, step.attempt)))
            number = connection.scalar(mine)
            if number is None:
                return False
            answer = {
                "kind": step.kind, "algorithm": step.algorithm, "answer": step.answer, "error": step.error,
                "model_digest": step.model_digest, "prompt_digest": step.prompt_digest, "attempt": step.attempt,
                "started_at": step.started_at, "took_s": step.took_s,
            }  # fmt: skip
            connection.execute(
                insert_into(connection, schema.step)
                .values(site=self.site, job_id=number, ordinal=step.ordinal, **answer)
                .on_conflict_do_update(index_elements=["job_id", "ordinal", "site"], set_=answer)
            )
            return True

    def finish_job(
        self,
        job: Job,
        *,
        outcome: Outcome,
        reason: str,
        report: str,
        provenance: str,
        objects: Sequence[NewObject],
        destinations: Sequence[str],
        now: datetime,
    ) -> bool:
        with self.database.write() as connection:
            held = self._held(connection, job)
            if held is None:
                return False
            row, locked = held
            finish(
                connection, row, locked,
                outcome=outcome, reason=reason, report=report, provenance=provenance,
                objects=objects, destinations=destinations, now=now,
            )  # fmt: skip
            return True

    def defer_job(self, job: Job, *, error: str, after: timedelta) -> bool:
        values = {"crashes": 0, "next_due": db_now(after), "lease_until": null(), "worker": "", "last_error": error}
        text = f"deferred: {error}; again in {after.total_seconds():g} s"
        return self._leave(job, JobEvent.DEFERRED, text, at=db_now(), **values)

    def abandon_job(self, job: Job, *, reason: str, now: datetime) -> bool:
        values = {"next_due": null(), "lease_until": null(), "reason": reason, "finished_at": now}
        return self._leave(job, JobEvent.ABANDONED, f"canceled: {reason}", at=now, **values)

    def cancel_job(self, job_id: str, *, by: str, now: datetime) -> bool:
        table = schema.job
        with self.database.write() as connection:
            found = jobs.find(connection, self.site, key(job_id))
            if found is None:
                return False
            locked = lock_study_of(connection, found.study_id)
            row = connection.execute(for_update(select(table).where(table.c.id == found.id))).one()
            state = JobState(row.state)
            if (state, JobEvent.ABANDONED) not in JOB_TRANSITIONS:
                return False
            text = f"canceled by {by}"
            # What waits stands for the newest identity: with it, its encoding is given up, too.
            waiting = state is JobState.SCHEDULED
            version = locked.identity_version if waiting else row.identity_version
            values = {"next_due": null(), "lease_until": null(), "reason": text, "finished_at": now}
            canceled = job_after(state, JobEvent.ABANDONED).value
            connection.execute(
                update(table).where(table.c.id == row.id).values(state=canceled, identity_version=version, **values)
            )
            tell(connection, self.site, EventKind.OPERATOR, text, at=now, study_id=locked.id, job_id=row.id)
            encode_again(connection, locked.id, locked.identity_version, now=now)
            refresh(connection, locked.id)
            return True

    def _leave(self, job: Job, event: JobEvent, text: str, *, at: Any, **values: Any) -> bool:
        with self.database.write() as connection:
            held = self._held(connection, job)
            if held is None:
                return False
            row, locked = held
            state = job_after(JobState(row.state), event).value
            table = schema.job
            connection.execute(update(table).where(table.c.id == row.id).values(state=state, **values))
            tell(connection, self.site, EventKind.JOB, text, at=at, study_id=locked.id, job_id=row.id)
            if event is JobEvent.ABANDONED:
                encode_again(connection, locked.id, locked.identity_version, now=at)
            refresh(connection, locked.id)
            return True

    def _held(self, connection: Connection, held: Job) -> tuple[AnyRow, AnyRow] | None:
        """The job's and its study's rows, both locked, if the job is still this attempt's."""
        locked = lock_study(connection, self.site, held.study_instance_uid)
        row = connection.execute(for_update(select(job).where(*self._mine(held.job_id, held.attempt)))).one_or_none()
        return None if row is None or locked is None else (row, locked)

    def _mine(self, job_id: str, attempt: int) -> tuple[Any, ...]:
        """The fence."""
        working = job.c.state == JobState.IN_PROGRESS.value
        return (job.c.site == self.site, job.c.id == key(job_id), job.c.attempt == attempt, working)


def _best(connection: Connection, site: str) -> AnyRow | None:
    """One probe of the index per priority, so that a long lane costs no more than a short one."""
    claimable = or_(job.c.state == JobState.SCHEDULED.value, job.c.crashes <= MAX_CRASHES)
    for priority in Priority:
        query = (
            select(job)
            .where(job.c.site == site, job.c.priority == int(priority), job.c.next_due <= db_now(), claimable)
            .order_by(job.c.next_due, job.c.id)
            .limit(1)
        )
        found = connection.execute(for_update(query, skip_locked=True)).one_or_none()
        if found is not None:
            return found
    return None


def _take(connection: Connection, site: str, found: AnyRow, worker: str, *, lease: timedelta) -> int:
    state, crashes = JobState(found.state), found.crashes
    if state is JobState.IN_PROGRESS:
        state, crashes = job_after(state, JobEvent.LEASE_EXPIRED), crashes + 1
        text = f"attempt {found.attempt} by {found.worker} was lost: its lease ran out"
        tell(connection, site, EventKind.JOB, text, at=db_now(), study_id=found.study_id, job_id=found.id)
    newest = select(study.c.identity_version).where(study.c.id == found.study_id).scalar_subquery()
    attempt = found.attempt + 1
    connection.execute(
        update(job)
        .where(job.c.id == found.id)
        .values(
            state=job_after(state, JobEvent.CLAIMED).value,
            attempt=attempt,
            crashes=crashes,
            worker=worker,
            next_due=db_now(lease),
            lease_until=db_now(lease),
            started_at=db_now(),
            identity_version=newest,
        )
    )
    text = f"attempt {attempt} claimed by {worker}"
    tell(connection, site, EventKind.JOB, text, at=db_now(), study_id=found.study_id, job_id=found.id)
    return int(found.id)


def _claim(connection: Connection, site: str, number: int) -> Claim:
    """What the pipeline needs; read after the claim was committed, so that nobody waits for it."""
    row = connection.execute(jobs.with_study().where(job.c.id == number)).one()
    identity = select(schema.identity.c.facts).where(
        schema.identity.c.study_id == row.study_id, schema.identity.c.version == row.identity_version
    )
    frozen = schema.manifest
    complete = select(frozen.c.created_at).where(
        frozen.c.study_id == row.study_id, frozen.c.version == row.manifest_version
    )
    return Claim(
        job=job_of(row),
        manifest=read_manifest(connection, site, row.study_uid, row.manifest_version),
        identity=identity_of(connection.execute(identity).scalar_one()),
        steps=_steps(connection, row),
        predecessors=_predecessors(connection, row),
        complete_since=connection.scalar(complete),
        signed=signed_by_job(connection, row),
    )


def _steps(connection: Connection, row: AnyRow) -> tuple[Step, ...]:
    """The job's own steps, else those of the nearest origin that has some."""
    number, origin = row.id, row.origin_id
    while True:
        query = select(schema.step).where(schema.step.c.job_id == number).order_by(schema.step.c.ordinal)
        steps = tuple(step_of(found) for found in connection.execute(query))
        if steps or origin is None:
            return steps
        before = connection.execute(select(job.c.id, job.c.origin_id).where(job.c.id == origin)).one()
        number, origin = before.id, before.origin_id


def _predecessors(connection: Connection, row: AnyRow) -> tuple[NewObject, ...]:
    """Of each role the newest earlier result that has left: a reference to any other would lead nowhere."""
    has_left = exists().where(delivery.c.object_id == made.c.id, delivery.c.state.in_([state.value for state in _LEFT]))
    query = (
        select(made)
        .join(job, job.c.id == made.c.job_id)
        .where(jobs.older_than(row), job.c.state == JobState.COMPLETED.value, has_left)
        .order_by(job.c.generation, job.c.id, made.c.id)
    )
    newest = {found.role: new_object(found) for found in connection.execute(query)}
    return tuple(newest.values())
