"""Priors: find the study to compare with and bring its images into the spool; a draft never fails or waits for it.

Whose a study is, is decided here alone and in `service.domain.prior`, whichever way its images come: of the study
before it is fetched, of every image by its own header before any is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from pydicom.uid import UID

from service.domain.errors import PrereadError, Refused, Unavailable, Unreadable
from service.domain.prior import PriorNode, PriorStudy, choose, comparable, same_patient
from service.domain.sop import is_image
from service.domain.study import Identity, Instance, StoredInstance
from service.flow.arrivals import Arrivals
from service.ports.headers import Header, Headers
from service.ports.priors import Left, PriorSource
from service.ports.spool import Incoming, Spool


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """The earlier study that can be compared with, if there is one, and what a reader must know."""

    study: PriorStudy | None = None
    images: tuple[StoredInstance, ...] = ()
    notes: tuple[str, ...] = ()


def bring(
    current: Identity, study_instance_uid: UID, *, modality: str, stat: bool, node: PriorNode, source: PriorSource,
    spool: Spool, headers: Headers, monotonic: Callable[[], float] = time.monotonic,
) -> Brought:  # fmt: skip
    """Find and fetch within `node.wait`. Whatever goes wrong becomes a note, never an error; a study of which only a
    part came is not used, because what is on the missing image would be called new."""
    until = monotonic() + node.wait.total_seconds()

    def left_s() -> float:
        return until - monotonic()

    if not current.patient.patient_id or not current.patient.issuer:
        return Brought(notes=("no earlier study was looked for: the patient has no identifier with an issuer",))
    try:
        found = source.find(current.patient, modalities=comparable(modality), limit=node.max_studies, left_s=left_s)
    except PrereadError as error:
        return Brought(notes=(f"no earlier study was compared: {error}",))
    named = [_with_issuer(each, node) for each in found]
    chosen = choose(named, current, study_instance_uid, modality=modality, node=node, stat=stat)
    if chosen.study is None:
        return Brought(notes=chosen.notes)
    bounds = {"max_object_bytes": node.max_object_bytes, "max_bytes": node.max_bytes}
    try:
        with Arrivals(spool, source=node.name, **bounds) as arrivals:
            fetched = source.fetch(
                chosen.study, modalities=comparable(modality), limit=node.max_images, left_s=left_s,
                begin=arrivals.begin,
            )  # fmt: skip
            images = _kept(fetched, chosen.study, current, node, headers, left_s)
    except PrereadError as error:
        said = f"the earlier study of {chosen.study.day} was not compared: {error}"
        return Brought(notes=(*chosen.notes, said))
    if not images:
        said = f"the earlier study of {chosen.study.day} was not compared: {node.name} gave no image of it"
        return Brought(notes=(*chosen.notes, said))
    return Brought(study=chosen.study, images=images, notes=chosen.notes)


def _kept(
    fetched: Generator[Incoming], study: PriorStudy, current: Identity, node: PriorNode, headers: Headers, left_s: Left
) -> tuple[StoredInstance, ...]:
    """The images that came, once all are here. Raises Unavailable, Unreadable, and Refused for one whose own header
    says that it is of another study or patient."""
    whole: dict[UID, tuple[Instance, Incoming]] = {}
    with closing(fetched):
        for incoming in islice(fetched, node.max_images):
            header = _read(incoming, node, headers)
            if left_s() <= 0:
                raise Unavailable(f"{node.name} did not finish in time")
            instance, patient = header.instance, _issued(header.identity, node).patient
            if instance.study_instance_uid != study.study_instance_uid or not same_patient(patient, current.patient):
                raise Refused(f"{node.name} sent an image that is not certainly of that study and this patient")
            if is_image(instance.sop_class_uid):
                whole.setdefault(instance.sop_instance_uid, (instance, incoming))
    return tuple(_stored(instance, incoming) for instance, incoming in whole.values())


def _read(incoming: Incoming, node: PriorNode, headers: Headers) -> Header:
    with incoming.reread() as part10:
        try:
            return headers.read(part10)
        except Unreadable as why:
            raise Unreadable(f"{node.name} sent an object that cannot be read") from why


def _stored(instance: Instance, incoming: Incoming) -> StoredInstance:
    kept = incoming.keep()
    return StoredInstance(instance=instance, location=kept.location, sha256=kept.sha256, size=kept.size)


def _with_issuer(study: PriorStudy, node: PriorNode) -> PriorStudy:
    return replace(study, identity=_issued(study.identity, node))


def _issued(identity: Identity, node: PriorNode) -> Identity:
    """The source's default issuer where it states none."""
    patient = identity.patient
    return identity if patient.issuer else replace(identity, patient=replace(patient, issuer=node.default_issuer))
