"""The contract of models that read images, version 1, from a client's side: question to tensors, tensors to answer.

`deploy/docs/model-contract.md` is the description; the model's side stands in triton_models/engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.adapters.wire import CONTRACT_VERSION, OVER_S, Tensors, usage_of
from service.domain.errors import Unavailable, Unclear
from service.domain.image_model import ImageModel, Task, Values
from service.ports.finish import Finish
from service.ports.image_models import ImageAnswer, ImageQuestion, LabelMap


def encode_look(question: ImageQuestion) -> Tensors:
    """The input tensors of `question`: CONTRACT_VERSION, REQUEST, PIXELS and SHAPES."""
    slices, rows, columns = question.pixels.shape
    request = {
        "task": question.task,
        "images": [{"source": source} for source in question.sources],
        "spacing_mm": question.spacing_mm,
        "slice_spacing_mm": question.slice_spacing_mm,
        "priority": question.priority,
        "deadline_s": question.timeout_s,
    }
    return {
        "CONTRACT_VERSION": np.array([CONTRACT_VERSION], np.int32),
        "REQUEST": np.array([json.dumps(request).encode()], np.object_),
        "PIXELS": question.pixels.reshape(-1),
        "SHAPES": np.array([[rows, columns]] * slices, np.int32),
    }


def which_are_you(model: ImageModel) -> Tensors:
    """The tensors of a question whose time is over: the model answers at once, says who it is, and looks at nothing."""
    signed, unsigned = np.zeros((1, 1, 1), np.int16), np.zeros((1, 1, 1), np.uint16)
    pixels = signed if model.values is Values.MODALITY else unsigned
    return encode_look(ImageQuestion(model="", task=model.task, pixels=pixels, sources=("",), timeout_s=OVER_S))


def answer_of(question: ImageQuestion, tensors: Mapping[str, Any]) -> ImageAnswer:
    """The answer in a last response: NAMES, FINISH and USAGE as lists of text, the rest as arrays.

    Raises Unclear where it is not of the contract or no answer to the question, Unavailable if the deadline came first.
    """
    try:
        finish, usage = _finish(tensors["FINISH"][0]), usage_of(tensors["USAGE"][0])
        names = tuple(tensors["NAMES"])
        probabilities, boxes, mask = (np.asarray(tensors[name]) for name in ("PROBABILITIES", "BOXES", "MASK"))
        if finish is Finish.STOP:
            _check(question, names, probabilities, boxes, mask)
        return ImageAnswer(
            finish=finish,
            model=str(usage["model"]),
            version=str(usage["version"]),
            digest=str(usage["digest"]).removeprefix("sha256:"),
            classes_digest=str(usage["classes_digest"]).removeprefix("sha256:"),
            names=names,
            probabilities=tuple(probabilities.tolist()),
            boxes=tuple(tuple(box) for box in boxes.tolist()),
            mask=LabelMap.of(mask) if mask.size else None,
            domain_score=usage.get("domain_score"),
            domain_threshold=usage.get("domain_threshold"),
            usage=usage,
        )
    except (KeyError, IndexError) as error:
        raise Unclear(f"the model's last response lacks {error.args[0]}") from error


def _finish(text: str) -> Finish:
    if text not in set(Finish) - {Finish.LENGTH}:
        raise Unclear(f"the model ended with {text!r}, which is not of the contract")
    if text == Finish.DEADLINE:
        raise Unavailable("the model did not finish before the question's deadline")
    return Finish(text)


def _check(question: ImageQuestion, names: Sequence[str], probabilities: Any, boxes: Any, mask: Any) -> None:
    """Raise Unclear for an answer that fits neither the task nor the pixels."""
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN is neither
        raise Unclear("the model answered with probabilities that are none")
    if question.task is Task.SEGMENTATION:
        if mask.shape != question.pixels.shape or mask.dtype != np.uint8 or int(mask.max()) > len(names):
            raise Unclear("the model's mask does not fit the image, or holds labels without a name")
        return
    if len(names) != len(probabilities) or (question.task is Task.DETECTION and boxes.shape != (len(names), 4)):
        raise Unclear("the model's answer has another number of names, probabilities and boxes")
    if not np.isfinite(boxes).all():
        raise Unclear("the model answered with boxes that are not numbers")
