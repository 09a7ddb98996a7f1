"""Exhibits: what the steps of a reading kept that a viewer can show beside the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydicom.uid import UID

from service.domain.job import Step
from service.domain.study import StoredInstance
from service.ports.image_models import LabelMap


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """The earlier study that a reading was compared with."""

    study_instance_uid: UID
    day: str
    """Its date as people write it."""
    images: tuple[StoredInstance, ...]
    """Those that were brought; whether their bytes are still here shows when they are asked for."""


class Exhibits(Protocol):
    """Knows how each kind of step keeps its answers. Raises Unreadable for one of another version's form."""

    def label_map(self, steps: Sequence[Step], sha256: str) -> LabelMap | None:
        """The label map with that digest; None if no step kept it."""
        ...

    def compared(self, steps: Sequence[Step]) -> Compared | None:
        """The earlier study whose images were read; None if nothing was compared."""
        ...


class MemoryExhibits:
    """A fake for tests: what it was given."""

    def __init__(self, *maps: LabelMap, earlier: Compared | None = None) -> None:
        self.maps = {each.sha256: each for each in maps}
        self.earlier = earlier

    def label_map(self, steps: Sequence[Step], sha256: str) -> LabelMap | None:
        return self.maps.get(sha256)

    def compared(self, steps: Sequence[Step]) -> Compared | None:
        return self.earlier
