"""Receive: first durable, then yes. One object from its bytes to the ledger's row (invariants 1, 5, 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from pydicom.uid import KeyObjectSelectionDocumentStorage

from service.domain.config import Configuration
from service.domain.errors import Unavailable, Unreadable, Unsupported
from service.domain.event import Event, EventKind
from service.domain.rejection import Rejection
from service.domain.rule import forwards
from service.domain.sop import is_document, is_segmentation
from service.domain.study import Identity, StoredInstance
from service.ports.clock import Clock
from service.ports.headers import Header, Headers
from service.ports.ledger import Admission, Association, Receiving, Reception
from service.ports.spool import Incoming, Spool, StoredBytes

_COMPARISONS = 5
"""How often an object is compared anew because another sender changed the known one meanwhile."""


class Receive(Protocol):
    """`receive` with its ports filled in."""

    def __call__(
        self,
        incoming: Incoming,
        association: Association,
        *,
        claimed_uid: str,
        on_header: Callable[[Header], None] = ...,
    ) -> Admission: ...


def receive(
    incoming: Incoming,
    association: Association,
    *,
    spool: Spool,
    ledger: Receiving,
    headers: Headers,
    configuration: Callable[[], Configuration],
    clock: Clock,
    own_devices: Collection[str] = (),
    claimed_uid: str = "",
    on_header: Callable[[Header], None] = lambda header: None,
    on_forward: Callable[[str], None] = lambda destination: None,
) -> Admission:
    """Index, keep and admit the Part 10 bytes in `incoming`; success may be answered when this returns.

    `claimed_uid` is the SOP Instance UID that the sender named outside the object, if it named one; `own_devices` are
    our Device UIDs; `on_header` hears what the object is before it is kept, and may raise: then nothing is kept, but
    for Unreadable, which is answered like any other; `on_forward` hears each destination that is owed the original.
    Raises Unreadable (the bytes are quarantined) and Unavailable (nothing was admitted: send again).
    """
    try:
        header = _index(incoming, headers, claimed_uid)
        on_header(header)
    except Unreadable as reason:
        _quarantine(incoming.keep(), association, reason, ledger=ledger, clock=clock)
        raise
    kept = incoming.keep()
    reception = _reception(header, kept, association, configuration(), clock, own_devices)
    if reception.own_device and _edited(reception, spool=spool, headers=headers, ledger=ledger):
        reception = replace(reception, own_device=False)
    if header.instance.sop_class_uid == KeyObjectSelectionDocumentStorage:
        rejects = _rejection(reception, spool=spool, headers=headers, ledger=ledger)
        reception = replace(reception, rejects=rejects)
    admission = _admit(reception, spool=spool, ledger=ledger, headers=headers)
    if admission in {Admission.NEW, Admission.CORRECTED}:
        for destination in reception.forward_to:
            on_forward(destination)
    return admission


def _index(incoming: Incoming, headers: Headers, claimed_uid: str) -> Header:
    with incoming.reread() as part10:
        header = headers.read(part10)
    if claimed_uid and claimed_uid != header.instance.sop_instance_uid:
        raise Unreadable("The object's SOP Instance UID is not the one that the sender named.")
    return header


def _quarantine(
    kept: StoredBytes, association: Association, reason: Unreadable, *, ledger: Receiving, clock: Clock
) -> None:
    text = (
        f"An object from {association.source} ({association.calling_ae_title}, {association.address}) cannot be read: "
        f"{reason} Its {kept.size} bytes are kept as {kept.location}; correct it at the sender and send it again."
    )
    ledger.note(Event(at=clock.now(), kind=EventKind.QUARANTINED, text=text))


def _reception(
    header: Header,
    kept: StoredBytes,
    association: Association,
    configuration: Configuration,
    clock: Clock,
    own_devices: Collection[str],
) -> Reception:
    instance = header.instance
    devices = instance.attributes.get("DeviceUID", "").split("\\")
    owed = forwards(configuration.forwards, source=association.source, modality=instance.modality)
    return Reception(
        stored=StoredInstance(instance=instance, location=kept.location, sha256=kept.sha256, size=kept.size),
        identity=_with_issuer(header.identity, association, configuration),
        source=association.source,
        association_id=association.association_id,
        received_at=clock.now(),
        forward_to=owed,
        own_device=any(device in own_devices for device in devices),
    )


def _edited(reception: Reception, *, spool: Spool, headers: Headers, ledger: Receiving) -> bool:
    """Whether what names a device of ours is no echo but made by a workstation that kept our equipment's description: a
    person's document in the place of one that we issued, or a segmentation that a person drew in, as ours never are."""
    instance = reception.stored.instance
    drawn = is_segmentation(instance.sop_class_uid)
    if not (drawn or is_document(instance.sop_class_uid)) or ledger.issued(instance.sop_instance_uid):
        return False
    try:
        with spool.open(reception.stored.location) as part10:
            if drawn:
                return headers.segmentation(part10).by_person
            document = headers.document(part10)
    except (Unreadable, Unsupported):
        return False
    return document.by_person and any(ledger.issued(uid) for uid in document.predecessors)


def _rejection(reception: Reception, *, spool: Spool, headers: Headers, ledger: Receiving) -> Rejection | None:
    """What the selection rejects; nothing where its content cannot be read: its header could, so it is kept, and an
    event says that nobody knows what it rejects."""
    stored = reception.stored
    try:
        with spool.open(stored.location) as part10:
            return headers.rejection(part10)
    except Unreadable as reason:
        text = (
            f"a key object selection from {reception.source} cannot be read, so nobody knows whether it rejects "
            f"images: {reason} It is kept as {stored.location}; look at it where it was made, and recall by hand what "
            "rests on what it rejects"
        )
        study = str(stored.instance.study_instance_uid)
        ledger.note(Event(at=reception.received_at, kind=EventKind.QUARANTINED, text=text, study_instance_uid=study))
        return None


def _with_issuer(identity: Identity, association: Association, configuration: Configuration) -> Identity:
    """The source's default issuer where the sender states none: an identifier alone is no key."""
    source = configuration.source(association.source)
    patient = identity.patient
    if source is None or patient.issuer or not patient.patient_id:
        return identity
    return replace(identity, patient=replace(patient, issuer=source.default_issuer))


def _admit(reception: Reception, *, spool: Spool, ledger: Receiving, headers: Headers) -> Admission:
    """Admit as the first of its UID, which nearly every instance is; where the ledger knows other bytes, compare with
    those and admit again; and so on if they changed in between."""
    compared = reception
    for _ in range(1 + _COMPARISONS):
        try:
            return ledger.admit(compared)
        except Unavailable:
            known = ledger.find_instance(reception.stored.instance.sop_instance_uid)
            if (known.sha256 if known else None) == compared.replaces:
                raise
        compared = _compare(reception, known, spool=spool, headers=headers)
    raise Unavailable("The same instance keeps arriving in other versions; send it again later.")


def _compare(reception: Reception, known: StoredInstance | None, *, spool: Spool, headers: Headers) -> Reception:
    stored = reception.stored
    if known is None:
        return replace(reception, replaces=None, same_pixels=False)
    same = known.sha256 == stored.sha256
    if not same:
        with spool.open(known.location) as one, spool.open(stored.location) as other:
            same = headers.same_pixels(one, other)
    return replace(reception, replaces=known.sha256, same_pixels=same)
