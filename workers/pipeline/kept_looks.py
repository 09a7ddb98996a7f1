"""KeptLooks: what a Step remembers of the answers of a model that reads images, as JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.uid import UID

from service.domain.algorithm import Algorithm
from service.domain.code import Code
from service.domain.image_model import CodedClass, ImageModel, Task, Values
from service.ports.finish import Finish
from service.ports.image_models import ImageAnswer, LabelMap


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The answer about one image or series, or why there is none."""

    images: tuple[str, ...]
    """SOP Instance UIDs, of a series in the order of its slices."""
    answer: ImageAnswer | None
    spacing_mm: tuple[float, float] | None = None
    slice_spacing_mm: float | None = None
    error: str = ""
    final: bool = False
    """Whether it is the images themselves that cannot be read, so that asking again would not change it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptLooks:
    """The answers of one step. Whoever reads them later does so with these classes and thresholds, not newer ones."""

    algorithm: Algorithm
    model: ImageModel
    left_out: tuple[str, ...]
    looks: tuple[Look, ...]


def dump_looks(kept: KeptLooks) -> str:
    """As the JSON text of a Step."""
    looks = [{**asdict(look), "answer": _plain(look.answer)} for look in kept.looks]
    told = {"algorithm": asdict(kept.algorithm), "model": asdict(kept.model), "left_out": kept.left_out, "looks": looks}
    return json.dumps(told)


def load_looks(text: str) -> KeptLooks:
    """`load_looks(dump_looks(kept)) == kept`."""
    data = json.loads(text)
    algorithm = data["algorithm"]
    return KeptLooks(
        algorithm=Algorithm(**{**algorithm, "device_uid": UID(algorithm["device_uid"])}),
        model=_model(data["model"]),
        left_out=tuple(data["left_out"]),
        looks=tuple(_look(row) for row in data["looks"]),
    )


def masks_seen(text: str) -> Iterator[LabelMap]:
    """Every label map that a kept step's model gave."""
    return (look.answer.mask for look in load_looks(text).looks if look.answer and look.answer.mask)


def _plain(answer: ImageAnswer | None) -> dict[str, object] | None:
    if answer is None:
        return None
    mask = answer.mask.plain if answer.mask else None
    return {**asdict(answer), "usage": dict(answer.usage), "mask": mask}


def _look(row: Mapping[str, Any]) -> Look:
    spacing = row["spacing_mm"]
    return Look(
        **{
            **row,
            "images": tuple(row["images"]),
            "answer": _answer(row["answer"]),
            "spacing_mm": tuple(spacing) if spacing else None,
        }
    )


def _answer(row: Mapping[str, Any] | None) -> ImageAnswer | None:
    if row is None:
        return None
    mask = row["mask"]
    return ImageAnswer(
        **{
            **row,
            "finish": Finish(row["finish"]),
            "names": tuple(row["names"]),
            "probabilities": tuple(row["probabilities"]),
            "boxes": tuple(tuple(box) for box in row["boxes"]),
            "mask": LabelMap.from_plain(mask) if mask else None,
        }
    )


def _model(row: Mapping[str, Any]) -> ImageModel:
    return ImageModel(
        task=Task(row["task"]),
        values=Values(row["values"]),
        volume=row["volume"],
        classes=tuple(_class(one) for one in row["classes"]),
        classes_digest=row["classes_digest"],
    )


def _class(row: Mapping[str, Any]) -> CodedClass:
    codes = {name: Code(**row[name]) if row[name] else None for name in ("concept", "site", "laterality")}
    return CodedClass(**{**row, **codes})
