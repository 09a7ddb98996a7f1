"""Prior: an earlier study of the same patient; which ones may be compared with, and what is said of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydicom.uid import UID

from service.domain.study import Identity, Patient, name_key

_RADIOGRAPHS = ("CR", "DX")
"""One projection by two kinds of detector."""


class Retrieve(StrEnum):
    """How a DICOM node gives its images (PS3.4 C.4.2, C.4.3)."""

    GET = "get"  #: over the association that asks
    MOVE = "move"  #: over one that it opens, to an AE title that it knows


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorNode:
    """Where earlier studies are looked for, and how far."""

    name: str
    url: str
    """`dicomweb+http://host/root`, `orthanc+http://host`, both with `https`, too, or `dicom://CALLED_AE@host:port`."""
    retrieve: Retrieve = Retrieve.GET
    """For `dicom://` alone."""
    move_ae_title: str = ""
    """Ours, to which the node moves images: another one than the receiver's."""
    move_port: int = 0
    """Where they come in, open while we ask and not longer."""
    networks: tuple[str, ...] = ()
    """CIDR networks that moved images come from; none is the address of the URL."""
    default_issuer: str = ""
    """Issuer of Patient ID where an answer states none."""
    max_age: timedelta = timedelta(days=5 * 365)
    max_studies: int = 20
    """Of how many found studies the newest is chosen."""
    max_images: int = 8
    """Images that are fetched."""
    max_object_bytes: int = 256 * 1024**2
    """The largest of them."""
    max_bytes: int = 1024**3
    """All that may come in for one question."""
    wait: timedelta = timedelta(seconds=20)
    """For everything: what has not come by then is not compared with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorStudy:
    """A study that a source named."""

    study_instance_uid: UID
    identity: Identity
    modalities: tuple[str, ...] = ()
    at_hand: bool = True
    """False for one that is NEARLINE or OFFLINE (Instance Availability, PS3.4 C.4.23.1.1): it would have to be
    waited for."""

    @property
    def day(self) -> str:
        """Its date as people write it."""
        date = self.identity.study_date
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The study to compare with, if there is one, and what a reader must know of the choice."""

    study: PriorStudy | None = None
    notes: tuple[str, ...] = ()
    possible: int = 0
    """Earlier studies that may be of the same patient, and are not used."""


def comparable(modality: str) -> tuple[str, ...]:
    """Modalities whose images may be compared with those of `modality`, itself first."""
    return tuple(dict.fromkeys((modality, *_RADIOGRAPHS))) if modality in _RADIOGRAPHS else (modality,)


def same_patient(one: Patient, other: Patient) -> bool:
    """Whether both are certainly one person: identifier and issuer are the same, and birth date or name, too, and
    nothing that both state contradicts but the name, which people change."""
    ids = ((one.patient_id, other.patient_id), (one.issuer, other.issuer))
    if not all(a and a == b for a, b in ids):
        return False
    born, names = (one.birth_date, other.birth_date), (name_key(one.name), name_key(other.name))
    if _contradict(*born) or _contradict(one.sex, other.sex):
        return False
    return any(a and a == b for a, b in (born, names))


def choose(
    found: Iterable[PriorStudy],
    current: Identity,
    study_instance_uid: UID,
    *,
    modality: str,
    node: PriorNode,
    stat: bool,
) -> Chosen:
    """The newest of `found` that is certainly of the same patient, comparable and earlier; for a STAT reading one
    that is at hand."""
    earlier = [
        each
        for each in found
        if each.study_instance_uid != study_instance_uid
        and (not each.modalities or set(comparable(modality)).intersection(each.modalities))
        and _is_earlier(each.identity, current, node.max_age)
    ]
    certain = [each for each in earlier if same_patient(each.identity.patient, current.patient)]
    notes = _of_possible(len(earlier) - len(certain))
    usable = sorted(certain, key=lambda each: _moment(each.identity), reverse=True)
    waiting = usable[0] if usable and stat and not usable[0].at_hand else None
    if waiting:
        usable = [each for each in usable if each.at_hand]
        notes += (
            f"an earlier study of {waiting.day} is not online and was not waited for, because this reading is urgent",
        )
    if not usable and not waiting:
        notes += (f"no earlier study was compared: {node.name} knows none that is certainly of this patient",)
    return Chosen(study=usable[0] if usable else None, notes=notes, possible=len(earlier) - len(certain))


def _of_possible(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    studies = "1 earlier study is" if count == 1 else f"{count} earlier studies are"
    return (f"{studies} possibly of this patient and not used, because issuer, birth date and name do not settle it",)


def _contradict(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _moment(identity: Identity) -> tuple[str, str]:
    return identity.study_date, identity.study_time.replace(":", "")[:6]


def _is_earlier(prior: Identity, current: Identity, max_age: timedelta) -> bool:
    """On an earlier day, or at an earlier time of the same day where both state one; and not older than `max_age`."""
    (day, time), (today, now) = _moment(prior), _moment(current)
    try:
        age = datetime.strptime(today, "%Y%m%d") - datetime.strptime(day, "%Y%m%d")
    except ValueError:  # nothing can be said to be earlier than a study without a date
        return False
    if age == timedelta():
        return bool(time and now and time < now)
    return timedelta() < age <= max_age
