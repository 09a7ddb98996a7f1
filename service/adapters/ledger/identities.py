"""Identity versions of a study, and what a new one means for results made under an older (invariant 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, false, insert, select, true, update

from service.adapters.ledger import jobs, schema
from service.adapters.ledger.part import AnyRow, insert_into
from service.adapters.ledger.rows import identity_text
from service.adapters.ledger.states import refresh
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DeliveryEvent, DeliveryKind, DeliveryState, delivery_after
from service.domain.event import EventKind
from service.domain.job import JobState
from service.domain.review import Verdict
from service.domain.study import Identity, Patient

delivery, job, study = schema.delivery, schema.job, schema.study

UNSENT = (
    DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.EXPIRED, DeliveryState.STANDBY,
)  # fmt: skip
"""States that a newer version of the same result takes the place of; SENDING follows when it is settled."""
assert all(delivery_after(state, DeliveryEvent.SUPERSEDED) is DeliveryState.SUPERSEDED for state in UNSENT)


def known_version(connection: Connection, study_id: int, digest: str) -> int | None:
    """The version of the study that has this digest; None if it is new."""
    where = (schema.identity.c.study_id == study_id, schema.identity.c.digest == digest)
    return connection.scalar(select(schema.identity.c.version).where(*where).limit(1))


def study_keys(identity: Identity) -> dict[str, Any]:
    """What the study's row repeats of its newest identity, to be searched for."""
    return {
        "identity_digest": identity.digest,
        "name_key": identity.patient.name.casefold(),
        "patient_key": identity.patient.patient_id.casefold(),
        "accession_key": identity.accession_number.casefold(),
    }


def keep_patient(connection: Connection, site: str, patient: Patient) -> int | None:
    """The patient's number; None without an identifier, which could be anybody's."""
    if not patient.patient_id:
        return None
    facts = {"name": patient.name, "birth_date": patient.birth_date, "sex": patient.sex}
    keys = {"site": site, "identifier": patient.patient_id, "issuer": patient.issuer}
    statement = (
        insert_into(connection, schema.patient)
        .values(**keys, **facts)
        .on_conflict_do_update(index_elements=list(keys), set_=facts)
        .returning(schema.patient.c.id)
    )
    return int(connection.execute(statement).scalar_one())


def first_version(
    connection: Connection, site: str, study_id: int, identity: Identity, *, source: str, at: datetime
) -> None:
    """The identity of a study that has just been inserted as version 1."""
    _insert(connection, site, study_id, 1, identity, source=source, at=at)
    patient_id = keep_patient(connection, site, identity.patient)
    if patient_id is not None:
        connection.execute(update(study).where(study.c.id == study_id).values(patient_id=patient_id))


def next_version(connection: Connection, locked: AnyRow, identity: Identity, *, source: str, now: datetime) -> int:
    """Add a version, supersede what was made under older ones, schedule its encoding; `locked` is the study."""
    version = int(locked.identity_version) + 1
    _insert(connection, locked.site, locked.id, version, identity, source=source, at=now)
    patient_id = keep_patient(connection, locked.site, identity.patient)
    values = {"identity_version": version, "patient_id": patient_id, **study_keys(identity)}
    connection.execute(update(study).where(study.c.id == locked.id).values(**values))
    tell(connection, locked.site, EventKind.CORRECTED, f"identity version {version} from {source}", at=now,
         study_id=locked.id)  # fmt: skip
    stale = (
        delivery.c.study_id == locked.id,
        delivery.c.kind == DeliveryKind.RESULT.value,
        delivery.c.identity_version < version,
    )
    superseded = supersede(connection, *stale)
    if superseded:
        text = f"{superseded} unsent results under an older identity do not leave"
        tell(connection, locked.site, EventKind.DELIVERY, text, at=now, study_id=locked.id)
    encode_again(connection, locked.id, version, now=now)
    refresh(connection, locked.id)
    return version


def supersede(connection: Connection, *which: Any) -> int:
    """Supersede unsent deliveries, and doom those that are being sent; returns how many were unsent.

    One statement, so that on PostgreSQL a row that is claimed or comes back meanwhile is judged as it is then.
    """
    sending = delivery.c.state == DeliveryState.SENDING.value
    states = [state.value for state in (*UNSENT, DeliveryState.SENDING)]
    changed = connection.execute(
        update(delivery)
        .where(delivery.c.state.in_(states), delivery.c.doomed == false(), *which)
        .values(
            state=case((sending, delivery.c.state), else_=DeliveryState.SUPERSEDED.value),
            next_due=case((sending, delivery.c.next_due)),
            doomed=true(),
        )
        .returning(delivery.c.state)
    ).scalars()
    return sum(state == DeliveryState.SUPERSEDED for state in changed)


def _insert(
    connection: Connection, site: str, study_id: int, version: int, identity: Identity, *, source: str, at: datetime
) -> None:
    connection.execute(
        insert(schema.identity).values(
            site=site,
            study_id=study_id,
            version=version,
            digest=identity.digest,
            facts=identity_text(identity),
            source=source,
            at=at,
        )
    )


def encode_again(connection: Connection, study_id: int, version: int, *, now: datetime) -> None:
    """Schedule per rule the encoding of its newest job, and of each signed reading, if that has results under an
    older identity.

    One that still waits or works takes the new identity by itself, at its claim or after its finish; if it is
    canceled instead, this is due again for the one before it. An encoding that was itself given up under this
    version stays given up: a person looks.
    """
    rows = connection.execute(select(job).where(job.c.study_id == study_id).order_by(job.c.generation, job.c.id))
    live = [row for row in rows if row.state != JobState.CANCELED]
    said = schema.review
    mine = (said.c.study_id == study_id, said.c.verdict == Verdict.SIGNED.value)
    signed = set(connection.scalars(select(said.c.job_id).where(*mine)))
    newest = {row.rule: row for row in live}.values()
    kept = {row.generation: row for row in live if row.generation in signed}.values()
    for old in {row.id: row for row in (*newest, *kept)}.values():
        overtaken = old.state == JobState.COMPLETED and old.identity_version < version
        if overtaken and _has_objects(connection, old.id) and not _given_up(connection, old, version):
            jobs.schedule_again(connection, old, identity_version=version, now=now)


def _given_up(connection: Connection, old: AnyRow, version: int) -> bool:
    """Whether encoding this job's results under this version was canceled, unless a later reading was to take
    its place."""
    query = select(job.c.id).where(
        job.c.study_id == old.study_id,
        job.c.rule == old.rule,
        job.c.origin_id == old.id,
        job.c.identity_version == version,
        job.c.state == JobState.CANCELED.value,
        job.c.reason != jobs.GAVE_WAY,
    )
    return connection.scalar(query.limit(1)) is not None


def _has_objects(connection: Connection, job_id: int) -> bool:
    return connection.scalar(select(schema.object_.c.id).where(schema.object_.c.job_id == job_id).limit(1)) is not None
