"""Kept: what a Step remembers of its answers, and by whom they were given, as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.uid import UID

from service.domain.algorithm import Algorithm
from service.ports.models import Answer, Finish


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The answer for one image (by SOP Instance UID), or why there is none."""

    image: str
    answer: Answer | None
    error: str = ""
    final: bool = False
    """Whether it is the image itself that cannot be read, so that asking again would not change it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The answers of one step. Whoever encodes them later names this algorithm, not a newer one."""

    algorithm: Algorithm
    left_out: tuple[str, ...]
    asked: tuple[Asked, ...]

    def of(self, image: str) -> Asked | None:
        return next((one for one in self.asked if one.image == image), None)


def dump(kept: Kept) -> str:
    """As the JSON text of a Step."""
    asked = [
        {"image": one.image, "error": one.error, "final": one.final, "answer": _plain(one.answer)} for one in kept.asked
    ]
    return json.dumps({"algorithm": asdict(kept.algorithm), "left_out": kept.left_out, "asked": asked})


def load(text: str) -> Kept:
    """`load(dump(kept)) == kept`."""
    data = json.loads(text)
    algorithm = data["algorithm"]
    return Kept(
        algorithm=Algorithm(**{**algorithm, "device_uid": UID(algorithm["device_uid"])}),
        left_out=tuple(data["left_out"]),
        asked=tuple(
            Asked(image=row["image"], answer=_answer(row["answer"]), error=row["error"], final=row["final"])
            for row in data["asked"]
        ),
    )


def _plain(answer: Answer | None) -> dict[str, object] | None:
    if answer is None:
        return None
    logprobs = [round(value, 4) for value in answer.logprobs]
    return {**asdict(answer), "usage": dict(answer.usage), "logprobs": logprobs}


def _answer(row: Mapping[str, Any] | None) -> Answer | None:
    if row is None:
        return None
    return Answer(**{**row, "finish": Finish(row["finish"]), "logprobs": tuple(row["logprobs"])})
