"""What every algorithm file offers: ALGORITHM, MODEL, LOOKED_FOR, accepts, prepare, interpret. No file, no socket.

One that reads many images together may also offer `choose` (which of them) and `combine` (what they say together);
one whose model continues a person's words, `forms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from service.domain.code import Code
from service.domain.report import Evidence, Finding, Sentence
from service.domain.study import Instance, StoredInstance
from service.ports.models import Answer, Question
from service.ports.pixels import Frame
from workers.narrative.forms import Form

MAX_IMAGES = 8
"""Images that one step reads of an algorithm that does not choose; a study with more says so in its report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """One image that an algorithm was given, and its place among those that it was given."""

    instance: Instance
    number: int
    """From 1, in the order in which the images are read."""
    of: int

    @property
    def evidence(self) -> Evidence:
        """The whole image."""
        return Evidence.of(self.instance)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """How a finding was put into words, for the certainty and for what several images say together."""

    tracking_id: str
    name: str
    """What the model's card calls the finding, in its calibration."""
    words: str
    item: str
    """How an impression names it; empty if it is absent."""
    raw: float | None = None
    """0..1, how likely the model found the words that state it; means nothing before it is calibrated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What one answer says, or several together, in the domain's words."""

    findings: tuple[Finding, ...]
    sentences: tuple[Sentence, ...]
    statements: tuple[Statement, ...] = ()
    """At most one for each finding; a finding without one gets no certainty."""
    doubts: tuple[str, ...] = ()
    """What the model calls that on which it contradicts itself: nothing of it is told, and the report is incomplete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which images are read, in which order."""

    images: tuple[StoredInstance, ...]
    left_out: tuple[str, ...] = ()
    """Why others that should have been read are not: the report is then incomplete."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the choice."""


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

    def prepare(self, frame: Frame, looked: Looked) -> Question:
        """Turn a decoded image into the question."""
        ...

    def interpret(self, answer: Answer, looked: Looked, *, namespace: str) -> Draft:
        """Read an answer as findings and sentences; tracking UIDs derive from `namespace`.

        Raises Unclear if the answer is not a report in this algorithm's form.
        """
        ...


@runtime_checkable
class Chooses(Protocol):
    """An algorithm that says itself which of the images it accepts are read."""

    def choose(self, images: Sequence[StoredInstance]) -> Choice: ...


@runtime_checkable
class Combines(Protocol):
    """An algorithm that says itself what the answers for several images amount to."""

    def combine(self, drafts: Sequence[Draft], looked: Sequence[Looked], *, namespace: str) -> Draft:
        """One draft of `drafts`, which are of some of the images `looked`; at least one."""
        ...


@runtime_checkable
class Continues(Protocol):
    """An algorithm whose model goes on with a narrative that a person began (workers/narrative/opening.py)."""

    def forms(self, looked: Looked) -> Sequence[Form]:
        """What the model states of this image."""
        ...


def choose(module: AlgorithmModule, images: Sequence[StoredInstance]) -> Choice:
    """The algorithm's own choice, or else the first MAX_IMAGES."""
    if isinstance(module, Chooses):
        return module.choose(images)
    more = len(images) > MAX_IMAGES
    left_out = (f"only {MAX_IMAGES} images of a study are read",) if more else ()
    return Choice(images=tuple(images[:MAX_IMAGES]), left_out=left_out)


def combine(module: AlgorithmModule, drafts: Sequence[Draft], looked: Sequence[Looked], *, namespace: str) -> Draft:
    """The algorithm's own combination, or else one draft after another."""
    if isinstance(module, Combines):
        return module.combine(drafts, looked, namespace=namespace)
    return Draft(
        findings=tuple(finding for draft in drafts for finding in draft.findings),
        sentences=tuple(sentence for draft in drafts for sentence in draft.sentences),
    )
