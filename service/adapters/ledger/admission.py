"""Admission: one received instance into the ledger, in one short transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from service.adapters.ledger import identities, rejecting, returning, schema, statements
from service.adapters.ledger.engine import Raced
from service.adapters.ledger.part import AnyRow, insert_into, lock_study, lock_study_of
from service.adapters.ledger.rows import attributes_text
from service.adapters.ledger.states import RECEIVING
from service.adapters.ledger.timeline import tell
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.errors import Unavailable
from service.domain.event import EventKind
from service.domain.lane import forward_lane
from service.domain.rule import Priority
from service.domain.sop import is_image
from service.ports.ledger import Admission, Reception

association, carried, delivery, instance, series, study = (
    schema.association, schema.association_study, schema.delivery, schema.instance, schema.series, schema.study
)  # fmt: skip

_NOT_OF_THE_IMAGE = frozenset(
    {
        "StudyDescription", "RequestedProcedureDescription", "ReasonForTheRequestedProcedure", "ReasonForStudy",
        "InstitutionName", "PatientAge",
    }
)  # fmt: skip
"""Indexed attributes that say something of patient or order: a correction of them needs no new reading."""

MAX_FORWARDS = 3
"""How often one instance is forwarded to one destination, however often its header changes: a destination that
is also a source and stamps what it keeps would otherwise get it back for ever."""
_ARRIVED = (DeliveryState.SENT.value, DeliveryState.COMMITTED.value)


def admit(connection: Connection, site: str, reception: Reception) -> Admission:
    """Raises Raced if another transaction admitted the same instance meanwhile, Unavailable as the port says."""
    uid = reception.stored.instance.sop_instance_uid
    known = statements.KNOWN.first(connection, {"site": site, "uid": uid})
    ours = statements.OURS.first(connection, {"site": site, "uid": uid})
    if ours is not None or reception.own_device:
        return _echo(connection, site, reception, ours)
    if known is None:
        return _new(connection, site, reception)
    if known.sha256 == reception.stored.sha256:
        _count(connection, site, reception, known.study_id, Admission.DUPLICATE)
        return Admission.DUPLICATE
    if reception.replaces != known.sha256:
        raise Unavailable("the instance was compared with other bytes than the ledger holds; compare again")
    if reception.same_pixels and known.study_uid == reception.stored.instance.study_instance_uid:
        return _corrected(connection, site, reception, known)
    return _conflict(connection, site, reception, known)


# --- our own objects, and those that contradict ----------------------------------------------------------


def _echo(connection: Connection, site: str, reception: Reception, ours: AnyRow | None) -> Admission:
    """Link the return of one of our objects to it; one sentence for the first return, however often it comes."""
    stored = reception.stored
    uid = stored.instance.sop_instance_uid
    if ours is None:
        where = (study.c.site == site, study.c.uid == stored.instance.study_instance_uid)
        study_id = connection.scalar(select(study.c.id).where(*where))
        text = f"an object with our Device UID came from {reception.source}: {uid}, kept as {stored.location}"
        tell(connection, site, EventKind.ECHO, text, at=reception.received_at, study_id=study_id)
    else:
        study_id = ours.study_id
        if ours.returned_at is None:
            made = schema.object_
            connection.execute(update(made).where(made.c.id == ours.id).values(returned_at=reception.received_at))
            text = f"our own result came back from {reception.source}: {uid}"
            tell(connection, site, EventKind.ECHO, text, at=reception.received_at, study_id=study_id)
    if study_id is not None:
        _count(connection, site, reception, study_id, Admission.ECHO)
    return Admission.ECHO


def _conflict(connection: Connection, site: str, reception: Reception, known: AnyRow) -> Admission:
    stored = reception.stored
    where = "" if known.study_uid == stored.instance.study_instance_uid else " and names another study"
    text = (
        f"{stored.instance.sop_instance_uid} came again from {reception.source} with other pixels{where}: "
        f"the first is kept ({known.location}), the newcomer is set aside ({stored.location})"
    )
    lock_study_of(connection, known.study_id)
    connection.execute(update(study).where(study.c.id == known.study_id).values(conflicts=study.c.conflicts + 1))
    tell(connection, site, EventKind.CONFLICT, text, at=reception.received_at, study_id=known.study_id)
    _count(connection, site, reception, known.study_id, Admission.CONFLICT)
    return Admission.CONFLICT


# --- what belongs to a study -----------------------------------------------------------------------------


def _new(connection: Connection, site: str, reception: Reception) -> Admission:
    locked = _study(connection, site, reception)
    image = is_image(reception.stored.instance.sop_class_uid)
    series_id, modalities = _series(connection, site, reception, locked)
    instance_id = _instance(connection, site, reception, locked.id, series_id)
    # An image opens its study again; another object only one that holds nothing else and was never handed over.
    opens = image or (locked.images == 0 and locked.manifests == 0)
    values = {"instances": locked.instances + 1, "images": locked.images + int(image), "modalities": modalities}
    _touch(connection, locked, reception.received_at, opens=opens, **values)
    # A version that is known already is an older series arriving late, not a correction.
    if _speaks_for_study(locked, reception, image=image) and not _known_identity(connection, locked, reception):
        _identity(connection, locked, reception)
    _count(connection, site, reception, locked.id, Admission.NEW)
    _owe(connection, site, reception, locked.id, instance_id, reception.forward_to)
    returning.await_comparison(connection, reception, locked.id, site)
    if reception.rejects is not None:
        rejecting.reject(connection, locked, reception, reception.rejects)
    return Admission.NEW


def _corrected(connection: Connection, site: str, reception: Reception, known: AnyRow) -> Admission:
    locked = lock_study_of(connection, known.study_id)
    stored = reception.stored
    series_id, modalities = _series(connection, site, reception, locked)
    changed = connection.execute(
        update(instance)
        .where(instance.c.id == known.id, instance.c.sha256 == known.sha256)
        .values(series_id=series_id, **_bytes(reception))
    ).rowcount
    if not changed:
        raise Raced
    text = (
        f"{stored.instance.sop_instance_uid} came again from {reception.source} with another header: "
        f"{stored.location} takes the place of {known.location} (sha256 {known.sha256})"
    )
    tell(connection, site, EventKind.CORRECTED, text, at=reception.received_at, study_id=locked.id)
    image = is_image(stored.instance.sop_class_uid)
    opens = image and (not _read(connection, locked.id) or _reads_otherwise(known.attributes, reception))
    _touch(connection, locked, reception.received_at, opens=opens, modalities=modalities)
    if _speaks_for_study(locked, reception, image=image):
        _identity(connection, locked, reception)
    _count(connection, site, reception, locked.id, Admission.CORRECTED)
    _owe_again(connection, site, reception, locked.id, known.id)
    return Admission.CORRECTED


def _speaks_for_study(locked: AnyRow, reception: Reception, *, image: bool) -> bool:
    """Whether the object states another identity than the newest. Workstations and dose reports leave much of
    it out, so that beside images only images are heard."""
    return (image or not locked.images) and reception.identity.digest != locked.identity_digest


def _known_identity(connection: Connection, locked: AnyRow, reception: Reception) -> bool:
    return identities.known_version(connection, locked.id, reception.identity.digest) is not None


def _read(connection: Connection, study_id: int) -> bool:
    """Whether a rule took the study: then a corrected header alone calls for no new reading."""
    return connection.scalar(select(schema.job.c.id).where(schema.job.c.study_id == study_id).limit(1)) is not None


def _reads_otherwise(before: str, reception: Reception) -> bool:
    """Whether the corrected header describes the image itself in another way, which rules and models may ask."""
    old, new = json.loads(before), dict(reception.stored.instance.attributes)
    names = (old.keys() | new.keys()) - _NOT_OF_THE_IMAGE
    return any(old.get(name) != new.get(name) for name in names)


def _study(connection: Connection, site: str, reception: Reception) -> AnyRow:
    uid = reception.stored.instance.study_instance_uid
    found = lock_study(connection, site, uid)
    if found is not None:
        return found
    identity = reception.identity
    number = connection.scalar(
        insert_into(connection, study)
        .values(
            site=site,
            uid=uid,
            source=reception.source,
            identity_version=1,
            received_first=reception.received_at,
            received_last=reception.received_at,
            state=RECEIVING,
            **identities.study_keys(identity),
        )
        .on_conflict_do_nothing()
        .returning(study.c.id)
    )
    if number is None:
        raise Raced
    source = reception.source
    identities.first_version(connection, site, number, identity, source=source, at=reception.received_at)
    return lock_study_of(connection, number)


def _series(connection: Connection, site: str, reception: Reception, locked: AnyRow) -> tuple[int, str]:
    """The series' number and the study's modalities, of which the series may be a new one."""
    header = reception.stored.instance
    uid = str(header.series_instance_uid)
    number = statements.SERIES.scalar(connection, {"site": site, "study": locked.id, "uid": uid})
    if number is not None:
        return number, locked.modalities
    values = {"site": site, "study_id": locked.id, "uid": uid, "modality": header.modality}
    inserted = connection.execute(statements.ADD_SERIES, values).inserted_primary_key
    assert inserted is not None
    modalities = dict.fromkeys([*locked.modalities.split("\\"), header.modality])
    return int(inserted[0]), "\\".join(filter(None, modalities))


def _instance(connection: Connection, site: str, reception: Reception, study_id: int, series_id: int) -> int:
    values = {
        "site": site,
        "study_id": study_id,
        "series_id": series_id,
        "sop_instance_uid": reception.stored.instance.sop_instance_uid,
        "received_at": reception.received_at,
        **_bytes(reception),
    }
    number = statements.add_instance(connection.dialect.name).scalar(connection, values)
    if number is None:
        raise Raced
    return int(number)


def _bytes(reception: Reception) -> dict[str, Any]:
    stored = reception.stored
    return {
        "sop_class_uid": stored.instance.sop_class_uid,
        "transfer_syntax_uid": stored.instance.transfer_syntax_uid,
        "attributes": attributes_text(stored.instance),
        "location": stored.location,
        "sha256": stored.sha256,
        "size": stored.size,
    }


def _touch(connection: Connection, locked: AnyRow, at: datetime, *, opens: bool, **values: Any) -> None:
    """Note that the study changed. `received_last` always grows, so that `hand_over` sees every change."""
    if locked.instances:
        values["received_last"] = max(at, locked.received_last + timedelta(microseconds=1))
    if opens and locked.opened_at is None:
        values |= {"opened_at": at, "touched_at": at, "last_release": None, "state": RECEIVING, "waits": None}
    elif locked.opened_at is not None:
        values["touched_at"] = max(at, locked.touched_at)
    statements.TOUCH_STUDY.run(connection, {"number": locked.id, **values})


def _identity(connection: Connection, locked: AnyRow, reception: Reception) -> None:
    source = reception.source
    identities.next_version(connection, locked, reception.identity, source=source, now=reception.received_at)


def _count(connection: Connection, site: str, reception: Reception, study_id: int, admission: Admission) -> None:
    statement = statements.count(connection.dialect.name, admission)
    values = {"site": site, "association": reception.association_id, "study": study_id}
    statement.run(connection, values)


def _owe_again(connection: Connection, site: str, reception: Reception, study_id: int, instance_id: int) -> None:
    """A corrected header takes the place of former ones that have not left. Where it would be one more than a
    destination should see of one instance, it is not forwarded: the destination may be the one who changes it."""
    uid = reception.stored.instance.sop_instance_uid
    owed = []
    for destination in dict.fromkeys(reception.forward_to):
        mine = (
            delivery.c.study_id == study_id,
            delivery.c.kind == DeliveryKind.ORIGINAL.value,
            delivery.c.instance_id == instance_id,
            delivery.c.destination == destination,
        )
        replaced = identities.supersede(connection, *mine)
        sent = connection.scalar(select(func.count()).where(*mine, delivery.c.state.in_(_ARRIVED))) or 0
        if replaced or sent < MAX_FORWARDS:
            owed.append(destination)
            continue
        text = (
            f"the changed header of {uid} from {reception.source} is not forwarded: {destination} has received this "
            f"instance {sent} times already; if {destination} sends it back changed, the two would go on for ever"
        )
        tell(connection, site, EventKind.DELIVERY, text, at=reception.received_at, study_id=study_id)
    _owe(connection, site, reception, study_id, instance_id, owed)


def _owe(
    connection: Connection,
    site: str,
    reception: Reception,
    study_id: int,
    instance_id: int,
    destinations: Sequence[str],
) -> None:
    """One forward per destination: originals go at once and need no completeness (invariant 5)."""
    stored = reception.stored
    for destination in dict.fromkeys(destinations):
        values = {
            "site": site,
            "study_id": study_id,
            "instance_id": instance_id,
            "lane": forward_lane(destination),
            "kind": DeliveryKind.ORIGINAL.value,
            "destination": destination,
            "sop_class_uid": stored.instance.sop_class_uid,
            "sop_instance_uid": stored.instance.sop_instance_uid,
            "transfer_syntax_uid": stored.instance.transfer_syntax_uid,
            "location": stored.location,
            "sha256": stored.sha256,
            "priority": int(Priority.MEDIUM),
            "state": DeliveryState.PENDING.value,
            "created_at": reception.received_at,
        }
        statements.ADD_ORIGINAL.run(connection, values)
