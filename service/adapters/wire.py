"""The model contract, version 2, from a client's side: a Question to tensors, responses to an Answer.

`deploy/docs/model-contract.md` is the description; the model's side stands in triton_models/engine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.domain.errors import Unavailable, Unclear
from service.ports.finish import Finish
from service.ports.models import Answer, ImagePart, Piece, Question

CONTRACT_VERSION = 2
_DATATYPES = {"int16": "INT16", "int32": "INT32", "uint16": "UINT16", "object": "BYTES"}
OVER_S = 1e-9

Tensors = dict[str, NDArray[Any]]


def datatype_of(tensor: NDArray[Any]) -> str:
    """What Triton and the frames of the local engine call the elements of an input tensor."""
    return _DATATYPES[tensor.dtype.name]


def encode(question: Question) -> Tensors:
    """The input tensors of `question`: CONTRACT_VERSION, REQUEST and, with images, PIXELS and SHAPES."""
    parts: list[dict[str, object]] = []
    images: list[NDArray[np.uint16]] = []
    for part in question.parts:
        if isinstance(part, ImagePart):
            parts.append(_image(part, len(images)))
            images.append(part.pixels)
        else:
            parts.append({"text": part})
    guidance = question.guidance
    request = {
        "parts": parts,
        "prefix": question.prefix,
        "guidance": {"kind": guidance.kind, "value": guidance.value} if guidance else None,
        "adapter": question.adapter,
        "max_tokens": question.max_tokens,
        "priority": question.priority,
        "deadline_s": question.timeout_s,
    }
    tensors: Tensors = {
        "CONTRACT_VERSION": np.array([CONTRACT_VERSION], np.int32),
        "REQUEST": np.array([json.dumps(request).encode()], np.object_),
    }
    if images:
        tensors["PIXELS"] = np.concatenate([image.ravel() for image in images], dtype=np.uint16, casting="unsafe")
        tensors["SHAPES"] = np.array([image.shape for image in images], np.int32)
    return tensors


def who_are_you(model: str) -> Tensors:
    """The tensors of a question whose time is over: the model answers at once, says who it is, and writes nothing."""
    return encode(Question(model=model, parts=("",), timeout_s=OVER_S))


def _image(part: ImagePart, index: int) -> dict[str, object]:
    spacing = None if part.spacing_mm is None else list(part.spacing_mm)
    return {
        "image": index,
        "label": part.label,
        "source": part.source,
        "frame": part.frame,
        "spacing_mm": spacing,
    }


@dataclass
class Listener:
    """Gathers the responses of one stream into an Answer."""

    on_text: Callable[[str], None] | None = None
    pieces: list[Piece] = field(default_factory=list)
    finish: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    _waiting: list[float] = field(default_factory=list)
    """Log-probabilities of tokens whose character is not whole yet."""

    def hear(self, *, texts: list[str], logprobs: list[float], finish: str, usage: str) -> None:
        """Take one response: the text and the log-probability of each token. Raises Unclear for what is no contract."""
        if len(texts) != len(logprobs):
            raise Unclear(f"the model sent {len(texts)} pieces of text with {len(logprobs)} probabilities")
        for text, logprob in zip(texts, logprobs, strict=True):
            self._waiting.append(logprob)
            if text:
                self._end_piece(text)
        if self.on_text and (text := "".join(texts)):
            self.on_text(text)
        if finish and self._waiting:
            self._end_piece("")
        if finish:
            if finish not in set(Finish):
                raise Unclear(f"the model ended with {finish!r}, which is not of the contract")
            self.finish = finish
            self.usage = usage_of(usage)

    def _end_piece(self, text: str) -> None:
        self.pieces.append(Piece(text, tuple(self._waiting)))
        self._waiting.clear()

    def answer(self) -> Answer:
        """The whole answer. Raises Unclear if the stream ended midway, Unavailable if the deadline came first."""
        if not self.finish:
            raise Unclear("the model's stream ended without a last response")
        if self.finish == Finish.DEADLINE:
            raise Unavailable("the model did not finish before the question's deadline")
        if not all(math.isfinite(value) for piece in self.pieces for value in piece.logprobs):
            raise Unclear("the model answered with probabilities that are not numbers")
        try:
            return Answer(
                text="".join(piece.text for piece in self.pieces),
                finish=Finish(self.finish),
                model=str(self.usage["model"]),
                version=str(self.usage["version"]),
                digest=str(self.usage["digest"]).removeprefix("sha256:"),
                pieces=tuple(self.pieces),
                adapter=str(self.usage.get("adapter") or ""),
                adapter_digest=str(self.usage.get("adapter_digest") or "").removeprefix("sha256:"),
                prompt_digest=str(self.usage.get("prompt_digest") or "").removeprefix("sha256:"),
                domain_score=self.usage.get("domain_score"),
                domain_threshold=self.usage.get("domain_threshold"),
                usage=self.usage,
            )
        except KeyError as error:
            raise Unclear(f"the model's last response does not name its {error.args[0]}") from error


def usage_of(text: str) -> dict[str, Any]:
    """USAGE of a last response. Raises Unclear."""
    try:
        usage = json.loads(text)
    except ValueError as error:
        raise Unclear("the model's last response carries no readable usage") from error
    if not isinstance(usage, dict):
        raise Unclear("the model's last response carries no readable usage")
    return usage
