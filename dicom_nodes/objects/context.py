"""EncodingContext: everything about an object that is not in the report itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from service.domain.profile import CharacterSet
from service.domain.report import Evidence
from service.domain.study import Identity, Instance
from service.domain.uids import derive_uid
from service.ports.pixels import Frame


class Reference(NamedTuple):
    """One SOP Instance with the series and study it is in (PS3.3 C.17.2.1); a plain tuple does, too."""

    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
    study_instance_uid: UID


PictureKey = tuple[str, int]
"""SOP Instance UID and frame, which counts from 1."""


def picture_key(image: Evidence) -> PictureKey:
    """Under which `EncodingContext.pictures` holds the frame that `image` names; the first where it names none."""
    return image.sop_instance_uid, image.frame or 1


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodingContext:
    """What an encoder is told. Every UID and every time comes in here: nothing is made up inside (invariant 3).

    Raises ValueError for a `created_at` without a zone.
    """

    identity: Identity
    study_instance_uid: UID
    series_instance_uid: UID
    sop_instance_uid: UID
    series_number: int
    instance_number: int
    created_at: datetime
    """Aware, in the site's zone; its date, time and offset are what the object says."""
    instances: tuple[Instance, ...] = ()
    """The images that the report refers to, from the manifest; others say only that they are images."""
    institution: str = ""
    device_serial_number: str = "0001"
    device_uid: UID | None = None
    """Device UID (0018,1002) of this installation; None for one that follows from institution and serial number."""
    software_version: str = ""
    """Version of preread."""
    predecessors: tuple[Reference, ...] = ()
    """Documents of the same role that this one supersedes."""
    language: str = ""
    """RFC 5646 tag of the text, where the report does not say."""
    character_set: CharacterSet = CharacterSet.UTF_8
    pictures: Mapping[PictureKey, Frame] = field(default_factory=dict)
    """What the encoder asked for in `shows`, and could be decoded."""
    masks: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Label maps (slices, rows, columns) by their digest, as the encoder asked for in `masks_of`."""

    def __post_init__(self) -> None:
        if self.created_at.utcoffset() is None:
            raise ValueError("created_at has no zone")

    @property
    def installation_uid(self) -> UID:
        """Device UID by which our objects are known when they come back (invariant 6)."""
        return self.device_uid or derive_uid("preread", "installation", self.institution, self.device_serial_number)
