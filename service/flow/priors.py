"""Priors: find the study to compare with and bring its images into the spool; a draft never fails or waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice

from pydicom.uid import UID

from service.domain.errors import PrereadError
from service.domain.prior import PriorNode, PriorStudy, choose, comparable, same_patient
from service.domain.sop import is_image
from service.domain.study import Identity, StoredInstance
from service.ports.headers import Headers
from service.ports.priors import Left, PriorSource
from service.ports.spool import Spool


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
    """Find and fetch within `node.wait`. Whatever goes wrong becomes a note, never an error."""
    until = monotonic() + node.wait.total_seconds()

    def left_s() -> float:
        return until - monotonic()

    if not current.patient.patient_id or not current.patient.issuer:
        return Brought(notes=("no earlier study was looked for: the patient has no identifier with an issuer",))
    try:
        found = source.find(current.patient, modalities=comparable(modality), limit=node.max_studies, left_s=left_s)
        named = [_with_issuer(each, node) for each in found]
        chosen = choose(named, current, study_instance_uid, modality=modality, node=node, stat=stat)
        if chosen.study is None:
            return Brought(notes=chosen.notes)
        fetched = source.fetch(chosen.study, modalities=comparable(modality), limit=node.max_images, left_s=left_s)
        images = tuple(_kept(fetched, chosen.study, current, node, spool, headers, left_s))
    except PrereadError as error:
        return Brought(notes=(f"no earlier study was compared: {error}",))
    if not images:
        said = f"the earlier study of {chosen.study.day} was not compared: {node.name} gave no image of it in time"
        return Brought(notes=(*chosen.notes, said))
    return Brought(study=chosen.study, images=images, notes=chosen.notes)


def _kept(
    fetched: Iterator[bytes], study: PriorStudy, current: Identity, node: PriorNode, spool: Spool, headers: Headers,
    left_s: Left,
) -> Iterator[StoredInstance]:  # fmt: skip
    """The images among `fetched` whose own header says that they are of that study and this patient."""
    for part10 in islice(fetched, node.max_images):
        header = headers.read(BytesIO(part10))
        instance, identity = header.instance, _issued(header.identity, node)
        ours = instance.study_instance_uid == study.study_instance_uid and same_patient(
            identity.patient, current.patient
        )
        if left_s() <= 0:
            return
        if not ours or not is_image(instance.sop_class_uid):
            continue
        with spool.incoming() as incoming:
            incoming.write(part10)
            kept = incoming.keep()
        yield StoredInstance(instance=instance, location=kept.location, sha256=kept.sha256, size=kept.size)
        if left_s() <= 0:
            return


def _with_issuer(study: PriorStudy, node: PriorNode) -> PriorStudy:
    return replace(study, identity=_issued(study.identity, node))


def _issued(identity: Identity, node: PriorNode) -> Identity:
    """The source's default issuer where it states none."""
    patient = identity.patient
    return identity if patient.issuer else replace(identity, patient=replace(patient, issuer=node.default_issuer))
