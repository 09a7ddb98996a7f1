"""What every algorithm file offers: ALGORITHM, MODEL, accepts, prepare, interpret. Pure: no file, no socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from service.domain.code import Code
from service.domain.report import Evidence, Finding, Sentence
from service.domain.study import Instance
from service.ports.models import Answer, Question
from service.ports.pixels import Frame


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """One image that an algorithm was given: where it is, and its place among the images of the study."""

    evidence: Evidence
    number: int
    """From 1, in the order in which the images were read."""
    of: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What one answer says, in the domain's words."""

    findings: tuple[Finding, ...]
    sentences: tuple[Sentence, ...]


@runtime_checkable
class AlgorithmModule(Protocol):
    """An algorithm file as the pipeline sees it."""

    __name__: str
    ALGORITHM: str
    """The name that a protocol's step uses."""
    MODEL: str
    """The model's name in the Triton model repository."""
    LOOKED_FOR: tuple[Code, ...]
    """Every finding it can state, for a negative reading."""

    def accepts(self, instance: Instance) -> str | None:
        """None if this image can be read, else why not, in words (the card's limits are checked besides)."""
        ...

    def prepare(self, frame: Frame) -> Question:
        """Turn a decoded image into the question."""
        ...

    def interpret(self, answer: Answer, looked: Looked, *, namespace: str) -> Draft:
        """Read an answer as findings and sentences; tracking UIDs derive from `namespace`.

        Raises Unclear if the answer is not a report in this algorithm's form.
        """
        ...
