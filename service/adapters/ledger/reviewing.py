"""Reviewing: a person signs, adds or rejects; in one transaction with what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from service.adapters.ledger import jobs, recalling, schema, signing
from service.adapters.ledger.part import AnyRow, Part, for_update, key, lock_study
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.edit import text_digest
from service.domain.event import EventKind
from service.domain.job import JobState
from service.domain.rejection import Reason
from service.domain.review import Review, Verdict

job, log, review, study = schema.job, schema.edit_log, schema.review, schema.study


class SqlReviewing(Part):
    """The port `Signing`."""

    def sign(self, given: Review, *, now: datetime) -> bool:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, given.study_instance_uid)
            newest = _newest(connection, self.site, given) if locked else None
            if locked is None or newest is None or not _in_turn(connection, newest, given):
                return False
            why = f"the report that {given.observer.name} {_DID[given.verdict]} is encoded; no model is asked"
            version = locked.identity_version
            number = jobs.schedule_again(connection, newest, identity_version=version, now=now, why=why)
            _keep(connection, locked, given, encoding_id=number)
            refresh(connection, locked.id)
            return True

    def reject(self, given: Review, reason: Reason, *, now: datetime) -> bool:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, given.study_instance_uid)
            newest = _newest(connection, self.site, given) if locked else None
            if locked is None or newest is None or not _in_turn(connection, newest, given):
                return False
            _keep(connection, locked, given, encoding_id=None)
            recalling.withdraw(connection, locked, newest.id, reason, by=given.observer.name, now=now)
            return True

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        with self.database.read() as connection:
            return signing.read(connection, study.c.site == self.site, study.c.uid == study_instance_uid)

    def signed(self, study_instance_uids: Collection[str]) -> frozenset[str]:
        query = (
            select(study.c.uid)
            .join(review, review.c.study_id == study.c.id)
            .join(job, job.c.id == review.c.job_id)
            .where(study.c.site == self.site, study.c.uid.in_(list(study_instance_uids)))
            .where(review.c.verdict == Verdict.SIGNED.value, job.c.state != JobState.RECALLED.value)
        )
        with self.database.read() as connection:
            return frozenset(connection.scalars(query))


_DID = {Verdict.SIGNED: "signed", Verdict.ADDED: "added to", Verdict.REJECTED: "rejected"}


def _newest(connection: Connection, site: str, given: Review) -> AnyRow | None:
    """The newest finished job of the reading: what is encoded next belongs after it."""
    query = (
        select(job)
        .join(study, study.c.id == job.c.study_id)
        .where(job.c.site == site, job.c.generation == key(given.job_id), job.c.state == JobState.COMPLETED.value)
        .where(study.c.uid == given.study_instance_uid)
        .order_by(job.c.id.desc())
        .limit(1)
    )
    return connection.execute(for_update(query)).one_or_none()


def _in_turn(connection: Connection, newest: AnyRow, given: Review) -> bool:
    """Whether the review is the next of its reading, comes when it may, and is of the text as it stands."""
    before = signing.read(connection, review.c.job_id == newest.generation)
    said = {each.verdict for each in before}
    if given.number != len(before) + 1 or Verdict.REJECTED in said:
        return False
    if given.verdict is Verdict.ADDED:
        return Verdict.SIGNED in said
    return not said and (given.verdict is Verdict.REJECTED or _is_last(connection, newest, given))


def _is_last(connection: Connection, newest: AnyRow, given: Review) -> bool:
    mine = (log.c.site == newest.site, log.c.job_id == str(newest.generation))
    last = select(log.c.after_sha256).where(*mine).order_by(log.c.number.desc()).limit(1)
    return connection.scalar(last) in {None, text_digest(given.text)}


def _keep(connection: Connection, locked: AnyRow, given: Review, *, encoding_id: int | None) -> None:
    keys = {"site": locked.site, "study_id": locked.id, "job_id": key(given.job_id), "encoding_id": encoding_id}
    connection.execute(insert(review).values(**keys, **signing.columns(given)))
    did = f"{given.observer.name} {_DID[given.verdict]} the report of job {given.job_id}"
    tell(connection, locked.site, EventKind.REVIEWED, did, at=given.at, study_id=locked.id, job_id=keys["job_id"])
