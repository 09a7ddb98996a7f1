"""Reviewing: a person signs, adds or rejects; in one transaction with what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.adapters.ledger import counting, jobs, recalling, schema, signing
from service.adapters.ledger.part import AnyRow, Part, for_update, key, lock_study, lock_study_of
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.edit import text_digest
from service.domain.event import EventKind
from service.domain.job import JobState
from service.domain.rejection import Reason
from service.domain.review import Review, Verdict
from service.domain.tally import Numbers

job, log, review, study = schema.job, schema.edit_log, schema.review, schema.study


class SqlReviewing(Part):
    """The port `Signing`."""

    def sign(self, given: Review, *, numbers: Numbers | None = None, now: datetime) -> bool:
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
            counting.add_of_reading(connection, self.site, key(given.job_id), numbers or Numbers())
            return True

    def reject(
        self, given: Review, reason: Reason, *, base_sha256: str, numbers: Numbers | None = None, now: datetime
    ) -> bool:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, given.study_instance_uid)
            newest = _newest(connection, self.site, given) if locked else None
            if locked is None or newest is None or not _in_turn(connection, newest, given, base_sha256):
                return False
            _keep(connection, locked, given, encoding_id=None)
            recalling.withdraw(connection, locked, newest.id, reason, by=given.observer.name, now=now)
            counting.add_of_reading(connection, self.site, key(given.job_id), numbers or Numbers())
            return True

    def encode_again(self, job_id: str, *, by: str, now: datetime) -> str | None:
        with self.database.write() as connection:
            found = jobs.find(connection, self.site, key(job_id))
            if found is None:
                return None
            locked = lock_study_of(connection, found.study_id)
            newest = _newest_of(connection, self.site, found.generation)
            if newest is None or not _is_unwritten(connection, found, newest):
                return None
            why = f"the signed report is encoded once more for {by}; no model is asked"
            version = locked.identity_version
            number = jobs.schedule_again(connection, newest, identity_version=version, now=now, why=why)
            _point(connection, found.generation, number)
            refresh(connection, locked.id)
            return str(number)

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        with self.database.read() as connection:
            return signing.read(connection, study.c.site == self.site, study.c.uid == study_instance_uid)

    def page(self, after: int, *, limit: int) -> Sequence[tuple[int, Review]]:
        with self.database.read() as connection:
            return signing.page(connection, self.site, after, limit=limit)

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
    in_study = job.c.study_id == select(study.c.id).where(
        study.c.site == site, study.c.uid == given.study_instance_uid
    ).scalar_subquery()  # fmt: skip
    return _newest_of(connection, site, key(given.job_id), in_study)


def _newest_of(connection: Connection, site: str, generation: int, *which: Any) -> AnyRow | None:
    query = (
        select(job)
        .where(job.c.site == site, job.c.generation == generation, job.c.state == JobState.COMPLETED.value, *which)
        .order_by(job.c.id.desc())
        .limit(1)
    )
    return connection.execute(for_update(query)).one_or_none()


def _is_unwritten(connection: Connection, found: AnyRow, newest: AnyRow) -> bool:
    """Whether the job `found` was given up, was to encode a signed report, and nothing came after it."""
    later = select(job.c.id).where(job.c.generation == found.generation, job.c.id > found.id).limit(1)
    given_up = found.state == JobState.CANCELED.value and found.id > newest.id
    return given_up and connection.scalar(later) is None and signing.signed_by_job(connection, found) is not None


def _point(connection: Connection, generation: int, number: int) -> None:
    """Let the job `number` encode the last word on its reading, unless it does so by what it encodes again."""
    last = signing.read(connection, review.c.job_id == generation)[-1]
    row = connection.execute(select(job).where(job.c.id == number)).one()
    signed = signing.signed_by_job(connection, row)
    if signed is None or signed.last.number != last.number:
        mine = (review.c.job_id == generation, review.c.number == last.number)
        connection.execute(update(review).where(*mine).values(encoding_id=number))


def _in_turn(connection: Connection, newest: AnyRow, given: Review, base_sha256: str = "") -> bool:
    """Whether the review is the next of its reading, comes when it may, and is of the text as it stands: of the one
    with the digest `base_sha256`, if that is named, else of its own."""
    before = signing.read(connection, review.c.job_id == newest.generation)
    said = {each.verdict for each in before}
    if given.number != len(before) + 1 or Verdict.REJECTED in said:
        return False
    if given.verdict is Verdict.ADDED:
        return Verdict.SIGNED in said
    return not said and _is_last(connection, newest, base_sha256 or text_digest(given.text))


def _is_last(connection: Connection, newest: AnyRow, sha256: str) -> bool:
    mine = (log.c.site == newest.site, log.c.job_id == str(newest.generation))
    last = select(log.c.after_sha256).where(*mine).order_by(log.c.number.desc()).limit(1)
    return connection.scalar(last) in {None, sha256}


def _keep(connection: Connection, locked: AnyRow, given: Review, *, encoding_id: int | None) -> None:
    keys = {"site": locked.site, "study_id": locked.id, "job_id": key(given.job_id), "encoding_id": encoding_id}
    connection.execute(insert(review).values(**keys, **signing.columns(given)))
    did = f"{given.observer.name} {_DID[given.verdict]} the report of job {given.job_id}"
    tell(connection, locked.site, EventKind.REVIEWED, did, at=given.at, study_id=locked.id, job_id=keys["job_id"])
