"""Models: questions to vision-language models and their streamed answers (deploy/docs/model-contract.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.domain.algorithm import Card
from service.ports.finish import Finish
from service.ports.image_models import ImageAnswer, ImageQuestion
from service.ports.pixels import Frame


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImagePart:
    """A labelled image: uint16 (rows, columns), MONOCHROME2 over 0..65535, and where it comes from."""

    label: str
    pixels: NDArray[np.uint16]
    source: str = ""
    """SOP Instance UID."""
    frame: int = 1
    """Counts from 1."""
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing, where it is known."""

    @classmethod
    def of(cls, frame: Frame, label: str) -> ImagePart:
        """The frame as the model is shown it."""
        return cls(
            label=label, pixels=frame.pixels, source=frame.source, frame=frame.frame, spacing_mm=frame.spacing_mm
        )


Part = str | ImagePart


@dataclass(frozen=True, kw_only=True, slots=True)
class Guidance:
    """What form the answer must have: kind is json_schema, regex or lark_grammar."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One request: ordered text and images, an optional beginning of the answer, and bounds."""

    model: str
    parts: tuple[Part, ...]
    prefix: str = ""
    guidance: Guidance | None = None
    adapter: str | None = None
    max_tokens: int = 256
    priority: int = 2
    """0 (STAT) goes first."""
    timeout_s: float = 120.0
    """After so long nobody waits for the answer any more, and the model stops writing it."""

    @property
    def prompt_digest(self) -> str:
        """SHA-256 over everything of the question but the pixels."""
        parts = [part if isinstance(part, str) else {"image": part.label} for part in self.parts]
        guidance = (self.guidance.kind, self.guidance.value) if self.guidance else None
        text = json.dumps([parts, self.prefix, guidance, self.adapter, self.max_tokens], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer as it came, with the natural logarithm of the probability of each of its tokens."""

    text: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A finished answer."""

    text: str
    finish: Finish
    model: str
    version: str
    digest: str
    pieces: tuple[Piece, ...] = ()
    """What `text` was made of, the end mark's empty piece included; empty if the model gives no probabilities."""
    adapter: str = ""
    adapter_digest: str = ""
    """SHA-256 of the adapter's file; empty without one."""
    prompt_digest: str = ""
    """SHA-256 of the prompt and the answer's beginning, as the model's chat template wrote them."""
    domain_score: float | None = None
    domain_threshold: float | None = None
    usage: Mapping[str, object] = field(default_factory=dict)

    @property
    def logprobs(self) -> tuple[float, ...]:
        """Natural logarithm of the probability of every token."""
        return tuple(value for piece in self.pieces for value in piece.logprobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """One model as the model server shows it."""

    name: str
    version: str
    ready: bool
    engine: str
    """ "Triton 2.51.0" or "local engine, no Triton"."""
    provider: str = ""
    """The execution provider it really runs on, as ONNX Runtime names it; empty if it is not known."""
    reason: str = ""
    """Why it is not ready, in the server's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerState:
    """Whether the model server answers, what it serves, and if not, why."""

    ready: bool
    engine: str
    models: tuple[ServedModel, ...] = ()
    reason: str = ""
    at: datetime | None = None

    @property
    def provider(self) -> str:
        """What the models really run on, in short: "CPU", "CUDA", "CPU and CUDA"; empty if it is not known."""
        return " and ".join(sorted({model.provider.removesuffix("ExecutionProvider") for model in self.models} - {""}))


class Models(Protocol):
    """Asks models. Thread-safe; opens its connections after a fork, never before."""

    def ask(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        """Return the whole answer; `on_text` hears each piece as it comes.

        Raises Unavailable (server away, overloaded, or past `timeout_s`: the answer may exist later),
        Refused (the server understood and said no: unknown contract version, prompt too long),
        Unclear (a response that is not of the contract).
        """
        ...

    def look(self, question: ImageQuestion) -> ImageAnswer:
        """Return what a model that reads images says of one image or volume. Raises as `ask` does."""
        ...

    def card(self, model: str) -> Card:
        """The card beside the model's files. Raises Misconfigured if it is missing or wrong."""
        ...

    def state(self) -> ServerState:
        """What the server serves right now; never raises."""
        ...


class ScriptedModels:
    """A fake for unit tests: answers by function, counts its calls."""

    def __init__(
        self,
        cards: Mapping[str, Card],
        answer: Callable[[Question], Answer] | None = None,
        *,
        seen: Callable[[ImageQuestion], ImageAnswer] | None = None,
    ) -> None:
        self.cards = dict(cards)
        self.answer = answer
        self.seen = seen
        self.asked: list[Question] = []
        self.looked: list[ImageQuestion] = []

    def ask(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        assert self.answer is not None, "nothing is scripted for text"
        self.asked.append(question)
        answer = self.answer(question)
        if on_text:
            on_text(answer.text)
        return answer

    def look(self, question: ImageQuestion) -> ImageAnswer:
        assert self.seen is not None, "nothing is scripted for images"
        self.looked.append(question)
        return self.seen(question)

    def card(self, model: str) -> Card:
        return self.cards[model]

    def state(self) -> ServerState:
        return ServerState(ready=True, engine="scripted")
