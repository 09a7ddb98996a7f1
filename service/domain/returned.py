"""Returned: what came in, as far as it says who made what of a result of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydicom.uid import UID

from service.domain.edit import Edit
from service.domain.report import Region, Section


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """What a measurement group draws on one image, as the rectangle around it."""

    uid: str
    """Tracking UID of its group; empty for none."""
    finding: str
    """What it is said to be; empty for nothing."""
    place: str
    """Side and site in words; empty for none."""
    image: str
    """SOP Instance UID."""
    frame: int
    region: Region


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a structured report says, whatever its structure."""

    verified: bool
    person: str
    """Who verified it, else the person who observed; empty where only devices are named."""
    predecessors: tuple[UID, ...] = ()
    """Documents that it takes the place of."""
    studies: tuple[UID, ...] = ()
    """Studies of its predecessors and evidence."""
    tracked: tuple[tuple[str, str], ...] = ()
    """Each measurement group: its tracking UID, and what it states as one sentence."""
    lines: tuple[tuple[Section, str], ...] = ()
    """Its narrative, in order."""
    boxes: tuple[Box, ...] = ()
    """What its measurement groups draw."""
    evidence: frozenset[UID] = frozenset()
    """Instances that it names as evidence."""
    title: str = ""
    """Code of its root, with the coding scheme and the meaning."""

    @property
    def by_person(self) -> bool:
        return self.verified or bool(self.person)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What Content Assessment Results say of whole objects (PS3.3 C.33.1)."""

    person: str
    """Who asked for it or made it; empty where only devices are named."""
    verdict: str
    """Assessment Summary: PASSED, INCONCLUSIVE or FAILED; what else stands there is kept as it is."""
    assessed: tuple[UID, ...]
    remarks: tuple[str, ...] = ()


class MatchedBy(StrEnum):
    """How a returned document was found to be of a report of ours."""

    PREDECESSOR = "predecessor"
    TRACKING = "tracking UID"
    STUDY = "study"  #: a person's report of the same study, which names neither
    PLACE = "place on the image"  #: a person's box over one of ours
    IMAGES = "images"  #: a person's segmentation of the images that were read


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A document that was admitted and that nobody has compared yet."""

    sop_instance_uid: UID
    study_instance_uid: UID
    location: str
    source: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """What became of one."""

    arrived: Arrived
    words: str
    """One sentence for a person, without patient data; empty where it has nothing to do with a report of ours."""
    job_id: str = ""
    """The reading whose result it is of; empty for none."""
    matched_by: str = ""
    person: str = ""
    verified: bool = False
    text: str = ""
    """Its narrative as a text of ours."""
    edits: tuple[Edit, ...] = ()
    """What it changed of what it follows."""
