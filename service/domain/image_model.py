"""ImageModel: what a model that classifies, detects or segments is asked, and what its classes mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.code import Code
from service.domain.protocol import StepKind


class Task(StrEnum):
    """What an image model does."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"

    @property
    def kind(self) -> StepKind:
        """The kind of protocol step that asks for it."""
        return _KINDS[self]


_KINDS = {
    Task.CLASSIFICATION: StepKind.CLASSIFY,
    Task.DETECTION: StepKind.DETECT,
    Task.SEGMENTATION: StepKind.SEGMENT,
}


class Values(StrEnum):
    """What the pixels mean that a model is given."""

    PRESENTED = "presented"  #: as a reader sees them: VOI applied, MONOCHROME2 over 0..65535
    MODALITY = "modality"  #: modality units, such as Hounsfield units, rounded to whole numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class CodedClass:
    """One class of a model, in the words of a report."""

    name: str
    """The model's own."""
    concept: Code
    site: Code | None = None
    laterality: Code | None = None
    threshold: float = 0.5
    """From this calibrated probability on it is present."""
    states_absence: bool = False
    """Whether its not being found is worth a statement; else nothing is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageModel:
    """What a card says of a model that reads images."""

    task: Task
    values: Values
    volume: bool
    """Whether it reads a whole series at once, and not one image."""
    classes: tuple[CodedClass, ...]
    classes_digest: str
    """SHA-256 of task, calibration and classes as the card has them: another threshold is another reading."""

    def named(self, name: str) -> CodedClass | None:
        return next((one for one in self.classes if one.name == name), None)
