"""Assembling: which studies wait for more, and the hand-over of one as a frozen manifest with its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydicom.uid import UID
from sqlalchemy import ColumnElement, Connection, func, insert, null, or_, select, update

from service.adapters.ledger import identities, jobs, rejecting, schema
from service.adapters.ledger.part import AnyRow, Part, key, lock_study, lock_study_of
from service.adapters.ledger.rows import attributes_text, identity_of, job_of, stored_instance, uid
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import keep_event, tell
from service.domain.assembly import Arrival
from service.domain.errors import Refused
from service.domain.event import Event, EventKind
from service.domain.job import Job, JobEvent, JobState, job_after
from service.domain.review import Verdict
from service.domain.study import Manifest, StoredInstance, Study, manifest_digest
from service.ports.ledger import NewJob, OpenStudy

carried, instance, job, manifest, member, series, study = (
    schema.association_study, schema.instance, schema.job, schema.manifest, schema.manifest_instance,
    schema.series, schema.study,
)  # fmt: skip


class SqlAssembling(Part):
    """The port `Assembling`."""

    def open_studies(self) -> Sequence[OpenStudy]:
        still_carrying = (
            select(func.count())
            .where(carried.c.study_id == study.c.id, carried.c.closed_at.is_(None))
            .where(or_(carried.c.new > 0, carried.c.duplicate > 0, carried.c.corrected > 0))
            .scalar_subquery()
        )
        query = (
            select(study.c.uid, study.c.source, study.c.opened_at, study.c.touched_at, study.c.last_release,
                   still_carrying.label("associations"))
            .where(study.c.site == self.site, study.c.opened_at.is_not(None))
            .order_by(study.c.opened_at)
        )  # fmt: skip
        with self.database.read() as connection:
            return [_open_study(row) for row in connection.execute(query)]

    def study(self, study_instance_uid: UID) -> Study | None:
        with self.database.read() as connection:
            query = (
                select(study, schema.identity.c.facts)
                .join(schema.identity, schema.identity.c.study_id == study.c.id)
                .where(study.c.site == self.site, study.c.uid == study_instance_uid)
                .where(schema.identity.c.version == study.c.identity_version)
            )
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            return Study(
                study_instance_uid=uid(row.uid),
                identity=identity_of(row.facts),
                identity_version=row.identity_version,
                source=row.source,
                received_first=row.received_first,
                received_last=row.received_last,
                instances=_instances(connection, row),
                rejected=_rejected(connection, row),
            )

    def hand_over(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Manifest | None:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, study.study_instance_uid)
            if locked is None or locked.received_last != study.received_last:
                return None
            made = _freeze_if_new(connection, locked, study, now=now)
            if made is not None:
                for event in events:
                    keep_event(connection, self.site, event)
                _schedule(connection, locked, jobs, made, now=now)
            _hand_over(connection, locked, made)
            return made

    def route_again(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Sequence[Job] | None:
        with self.database.write() as connection:
            locked = lock_study(connection, self.site, study.study_instance_uid)
            if locked is None or locked.opened_at is not None or locked.received_last != study.received_last:
                return None
            for event in events:
                keep_event(connection, self.site, event)
            made = _freeze_if_new(connection, locked, study, now=now)
            if made is not None:
                numbers = _schedule(connection, locked, jobs, made, now=now)
                _hand_over(connection, locked, made)
            else:
                numbers = _schedule_missing(connection, locked, jobs, now=now)
                refresh(connection, locked.id)
            return [job_of(row) for row in connection.execute(_with_numbers(numbers))]

    def manifest(self, study_instance_uid: UID, version: int) -> Manifest:
        """Raises KeyError for a manifest that does not exist."""
        with self.database.read() as connection:
            return read_manifest(connection, self.site, study_instance_uid, version)

    def replay(self, job_id: str, *, by: str, now: datetime) -> Job | None:
        with self.database.write() as connection:
            old = jobs.find(connection, self.site, key(job_id))
            if old is None:
                return None
            locked = lock_study_of(connection, old.study_id)
            if rejecting.rests_on_rejected(connection, old, locked.uid):
                raise Refused(
                    f"images that job {job_id} read were rejected since; "
                    f"`preread studies route {locked.uid}` reads what is left"
                )
            number = jobs.schedule_again(connection, old, identity_version=locked.identity_version, by=by, now=now)
            refresh(connection, locked.id)
            return job_of(connection.execute(jobs.with_study().where(job.c.id == number)).one())


def read_manifest(connection: Connection, site: str, study_uid: str, version: int) -> Manifest:
    """The manifest as it was frozen: whatever became of its instances since, header, series and bytes are those
    of then. Raises KeyError for a manifest that does not exist."""
    query = (
        select(member, instance.c.sop_instance_uid, series.c.uid.label("series_uid"))
        .select_from(manifest)
        .join(study, study.c.id == manifest.c.study_id)
        .join(member, member.c.manifest_id == manifest.c.id)
        .join(instance, instance.c.id == member.c.instance_id)
        .join(series, series.c.id == member.c.series_id)
        .where(study.c.site == site, study.c.uid == study_uid, manifest.c.version == version)
        .order_by(instance.c.id)
    )  # fmt: skip
    members = tuple(stored_instance(row, study_uid=study_uid) for row in connection.execute(query))
    if not members:
        raise KeyError(f"study {study_uid} has no manifest {version}")
    return Manifest(study_instance_uid=uid(study_uid), version=version, instances=members)


def _open_study(row: AnyRow) -> OpenStudy:
    arrival = Arrival(
        first_instance=row.opened_at,
        last_instance=row.touched_at,
        open_associations=row.associations,
        last_release=row.last_release,
    )
    return OpenStudy(study_instance_uid=uid(row.uid), source=row.source, arrival=arrival)


def _instances(connection: Connection, row: AnyRow) -> tuple[StoredInstance, ...]:
    query = (
        select(instance, series.c.uid.label("series_uid"))
        .join(series, series.c.id == instance.c.series_id)
        .where(instance.c.study_id == row.id, ~rejecting.is_rejected(row.uid))
        .order_by(instance.c.id)
    )
    return tuple(stored_instance(found, study_uid=row.uid) for found in connection.execute(query))


def _rejected(connection: Connection, row: AnyRow) -> int:
    query = select(func.count()).select_from(instance).where(instance.c.study_id == row.id)
    return connection.scalar(query.where(rejecting.is_rejected(row.uid))) or 0


def _digest(connection: Connection, locked: AnyRow) -> str | None:
    where = (manifest.c.study_id == locked.id, manifest.c.version == locked.manifests)
    return connection.scalar(select(manifest.c.digest).where(*where))


def _freeze_if_new(connection: Connection, locked: AnyRow, study: Study, *, now: datetime) -> Manifest | None:
    """The next manifest; None if the newest one holds exactly the same."""
    digest = manifest_digest(study.study_instance_uid, study.instances)
    same = locked.manifests and _digest(connection, locked) == digest
    return None if same else _freeze(connection, locked, study, digest, now=now)


def _freeze(connection: Connection, locked: AnyRow, study: Study, digest: str, *, now: datetime) -> Manifest:
    version = locked.manifests + 1
    values = {"study_id": locked.id, "version": version, "digest": digest, "opened_at": locked.opened_at}
    key = connection.execute(insert(manifest).values(site=locked.site, created_at=now, **values)).inserted_primary_key
    assert key is not None
    names = select(instance.c.sop_instance_uid, instance.c.id, instance.c.series_id)
    found = {row.sop_instance_uid: row for row in connection.execute(names.where(instance.c.study_id == locked.id))}
    rows = [
        {
            "manifest_id": key[0],
            "instance_id": found[stored.instance.sop_instance_uid].id,
            "series_id": found[stored.instance.sop_instance_uid].series_id,
            "sop_class_uid": stored.instance.sop_class_uid,
            "transfer_syntax_uid": stored.instance.transfer_syntax_uid,
            "attributes": attributes_text(stored.instance),
            "location": stored.location,
            "sha256": stored.sha256,
            "size": stored.size,
        }
        for stored in study.instances
    ]
    connection.execute(insert(member), rows)
    return Manifest(study_instance_uid=study.study_instance_uid, version=version, instances=study.instances)


def _schedule(
    connection: Connection, locked: AnyRow, wanted: Sequence[NewJob], made: Manifest, *, now: datetime
) -> list[int]:
    """Schedule the readings of `made`, after what they or it overtake was canceled."""
    _give_way(connection, locked, [each.rule for each in wanted], now=now)
    return _insert(connection, locked, wanted, made.version, now=now)


def _schedule_missing(connection: Connection, locked: AnyRow, wanted: Sequence[NewJob], *, now: datetime) -> list[int]:
    """Schedule the readings that the newest manifest lacks; what it has is left as it is."""
    newest = (job.c.study_id == locked.id, job.c.manifest_version == locked.manifests)
    has = set(connection.scalars(select(job.c.rule).where(*newest)))
    lacks = [each for each in wanted if each.rule not in has]
    _cancel(connection, locked, job.c.rule.in_([each.rule for each in lacks]), reason=jobs.GAVE_WAY, now=now)
    return _insert(connection, locked, lacks, locked.manifests, now=now)


def _insert(
    connection: Connection, locked: AnyRow, wanted: Sequence[NewJob], manifest_version: int, *, now: datetime
) -> list[int]:
    numbers = [
        jobs.schedule(connection, locked.site, locked, each, manifest_version=manifest_version, now=now)
        for each in wanted
    ]
    # A reading that was canceled may have been the one to take a corrected identity: else the result before it does.
    identities.encode_again(connection, locked.id, locked.identity_version, now=now)
    return numbers


def _with_numbers(numbers: Sequence[int]) -> Any:
    return jobs.with_study().where(job.c.id.in_(numbers)).order_by(job.c.id)


def _give_way(connection: Connection, locked: AnyRow, rules: Sequence[str], *, now: datetime) -> None:
    """Cancel what waits of an earlier manifest and would read a study that is no longer so.

    A job of one of `rules` gives way to the new one. A reading of any other rule has none to give way to; an
    encoding of such a rule stays, because what it corrects may be in an archive.
    """
    _cancel(connection, locked, job.c.rule.in_(rules), reason=jobs.GAVE_WAY, now=now)
    _cancel(connection, locked, job.c.rule.not_in(rules), job.c.origin_id.is_(None), reason=jobs.NOT_TAKEN, now=now)


def _cancel(connection: Connection, locked: AnyRow, *which: ColumnElement[bool], reason: str, now: datetime) -> None:
    said = schema.review
    signed = select(said.c.job_id).where(said.c.study_id == locked.id, said.c.verdict == Verdict.SIGNED.value)
    # What a person has signed is encoded, whatever came since.
    given_up = or_(job.c.origin_id.is_(None), job.c.generation.not_in(signed))
    canceled = connection.scalars(
        update(job)
        .where(job.c.study_id == locked.id, job.c.state == JobState.SCHEDULED.value, given_up, *which)
        .values(
            state=job_after(JobState.SCHEDULED, JobEvent.ABANDONED).value,
            reason=reason,
            next_due=null(),
            finished_at=now,
        )
        .returning(job.c.id)
    ).all()
    for number in canceled:
        text = f"canceled: {reason}"
        tell(connection, locked.site, EventKind.JOB, text, at=now, study_id=locked.id, job_id=number)


def _hand_over(connection: Connection, locked: AnyRow, made: Manifest | None) -> None:
    values: dict[str, Any] = {"opened_at": None, "touched_at": None, "last_release": None}
    if made is not None:
        values["manifests"] = made.version
    connection.execute(update(study).where(study.c.id == locked.id).values(**values))
    refresh(connection, locked.id)
