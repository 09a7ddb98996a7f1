"""Kept: what a Step remembers of its answers, and by whom they were given, as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.uid import UID

from service.domain.algorithm import Algorithm, Calibration, Platt
from service.ports.finish import Finish
from service.ports.models import Answer, Piece


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
    """The answers of one step. Whoever encodes them later names this algorithm and its calibration, not newer ones."""

    algorithm: Algorithm
    left_out: tuple[str, ...]
    asked: tuple[Asked, ...]
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None

    def of(self, image: str) -> Asked | None:
        return next((one for one in self.asked if one.image == image), None)


def dump(kept: Kept) -> str:
    """As the JSON text of a Step."""
    asked = [
        {"image": one.image, "error": one.error, "final": one.final, "answer": _plain(one.answer)} for one in kept.asked
    ]
    plain = {
        "algorithm": asdict(kept.algorithm),
        "left_out": kept.left_out,
        "notes": kept.notes,
        "calibration": asdict(kept.calibration) if kept.calibration else None,
        "asked": asked,
    }
    return json.dumps(plain)


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
        notes=tuple(data["notes"]),
        calibration=_calibration(data["calibration"]),
    )


def _plain(answer: Answer | None) -> dict[str, object] | None:
    if answer is None:
        return None
    pieces = [[piece.text, [round(value, 4) for value in piece.logprobs]] for piece in answer.pieces]
    return {**asdict(answer), "usage": dict(answer.usage), "pieces": pieces}


def _answer(row: Mapping[str, Any] | None) -> Answer | None:
    if row is None:
        return None
    pieces = tuple(Piece(text, tuple(logprobs)) for text, logprobs in row["pieces"])
    return Answer(**{**row, "finish": Finish(row["finish"]), "pieces": pieces})


def _calibration(row: Mapping[str, Any] | None) -> Calibration | None:
    if row is None:
        return None
    findings = {name: Platt(**each) for name, each in row["findings"].items()}
    return Calibration(default=Platt(**row["default"]), findings=findings)
