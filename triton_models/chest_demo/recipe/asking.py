"""The served model, asked: pictures of held-out seeds as files read back, questions, answers with their certainty."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import findings
import numpy as np
import phantom
import phantom_dicom
import tasks
from engine.answers import Engine
from engine.contract import Guidance, ImageRef, Request, Text
from findings import Finding
from numpy.typing import NDArray

MODEL = Path(__file__).resolve().parents[1]
SHARES = {"phantom": 0.55, "lateral": 0.20, "ct": 0.25}
"""Of the pictures of an evaluation, by kind."""

Image = NDArray[np.uint16]


@dataclass(frozen=True)
class Case:
    """A picture as a client sends it, with its truth."""

    image: Image
    view: str
    found: tuple[Finding, ...]
    words: str | None = None
    """Burned into the pixels on purpose."""


@dataclass(frozen=True)
class Answer:
    """What the model wrote."""

    text: str
    pieces: tuple[tuple[str, float], ...]
    """Its tokens' texts in order, each with its log-probability."""
    finish: str
    usage: dict[str, Any]


def cases(seed: int, count: int, combinations: str, *, burn: Sequence[str] = ()) -> Iterator[Case]:
    """Yield about `count` pictures of all kinds, written as DICOM and read back; CT slices one of a series.

    Each has one of `burn`, in turn, written into its pixels; the rest of a picture is the same whatever the words.
    """
    numbers = {kind: round(share * count) for kind, share in SHARES.items()}
    for kind, number_of in numbers.items():
        for number in range(1, number_of + 1):
            words = burn[number % len(burn)] if burn else None
            options: dict[str, Any] = {"seed": seed, "number": number, "combinations": combinations, "words": words}
            if kind == "ct":
                # A slice alone: the findings of a whole series do not all meet in one.
                dataset, truth = next(phantom.make_series(slices=1, **options))
            else:
                dataset, truth = phantom.make(kind=kind, **options)
            found = findings.from_list(truth["findings"])
            yield Case(phantom_dicom.shown(dataset), truth["view_name"], found, words)


def ask(engine: Engine, image: Image | None, question: str, **more: Any) -> Answer:
    """Return the whole answer about one picture, or about text alone."""
    parts = (Text(question),) if image is None else (ImageRef(0, "image"), Text(question))
    images = () if image is None else (image,)
    chunks = list(engine.generate(Request(parts, images, **more)))
    pieces = tuple(pair for chunk in chunks for pair in zip(chunk.pieces, chunk.logprobs, strict=True))
    return Answer("".join(text for text, _ in pieces), pieces, chunks[-1].finish or "", chunks[-1].usage or {})


def guided(schema: dict[str, object]) -> Guidance:
    """Return guidance by a schema."""
    return Guidance("json_schema", tasks.compact(schema))


def share(right: Sequence[bool]) -> float:
    """Return the share of what is true; nan for none."""
    return float(np.mean(right)) if len(right) else float("nan")
