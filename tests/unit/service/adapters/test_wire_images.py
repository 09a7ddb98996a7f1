"""What a server answers about images is checked against the question before anybody reads it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from service.adapters.wire_images import answer_of, encode_look
from service.domain.errors import Unavailable, Unclear
from service.domain.image_model import Task
from service.ports.finish import Finish
from service.ports.image_models import ImageQuestion, LabelMap
from tests.unit.triton_models.by_path import engine

USAGE = {"model": "m", "version": "1", "digest": "sha256:d", "classes_digest": "sha256:c", "domain_score": None}


def question(task: Task = Task.CLASSIFICATION) -> ImageQuestion:
    pixels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    return ImageQuestion(
        model="m", task=task, pixels=pixels, sources=("1.2", "1.3"), spacing_mm=(0.5, 0.25), slice_spacing_mm=2,
        priority=1, timeout_s=9,
    )  # fmt: skip


def said(**changes: Any) -> dict[str, Any]:
    tensors = {
        "NAMES": ["nodule"],
        "PROBABILITIES": np.float32([0.5]),
        "BOXES": np.zeros((0, 4), np.float32),
        "MASK": np.zeros((0, 0, 0), np.uint8),
        "FINISH": ["stop"],
        "USAGE": [json.dumps(USAGE)],
    }
    return {name: value for name, value in (tensors | changes).items() if value is not None}


def test_the_engine_reads_what_is_sent() -> None:
    asked = question(Task.SEGMENTATION)
    read = engine("image_contract").parse(encode_look(asked))
    assert np.array_equal(read.pixels, asked.pixels)
    assert (read.task, read.spacing_mm, read.slice_spacing_mm) == ("segmentation", (0.5, 0.25), 2)
    assert [source.source for source in read.sources] == ["1.2", "1.3"]
    assert (read.priority, read.deadline_s) == (1, 9)


def test_an_answer_names_model_and_classes() -> None:
    answer = answer_of(question(), said())
    assert (answer.finish, answer.names, answer.probabilities) == (Finish.STOP, ("nodule",), (0.5,))
    assert (answer.digest, answer.classes_digest) == ("d", "c")


def test_a_mask_is_kept_compressed_and_read_back() -> None:
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[1, 2, 3] = 1
    answer = answer_of(question(Task.SEGMENTATION), said(MASK=labels, PROBABILITIES=np.zeros(0, np.float32)))
    assert answer.mask is not None
    assert np.array_equal(answer.mask.labels, labels)
    assert answer.mask.sha256 == LabelMap.of(labels).sha256


@pytest.mark.parametrize(
    ("task", "changes", "why"),
    [
        (Task.CLASSIFICATION, {"PROBABILITIES": np.float32([np.nan])}, "probabilities that are none"),
        (Task.CLASSIFICATION, {"PROBABILITIES": np.float32([1.5])}, "probabilities that are none"),
        (Task.CLASSIFICATION, {"PROBABILITIES": np.float32([0.1, 0.2])}, "another number of names"),
        (Task.CLASSIFICATION, {"FINISH": ["length"]}, "ended with 'length'"),
        (Task.CLASSIFICATION, {"USAGE": ["{}"]}, "lacks model"),
        (Task.CLASSIFICATION, {"USAGE": ["no json"]}, "no readable usage"),
        (Task.CLASSIFICATION, {"MASK": None}, "lacks MASK"),
        (Task.DETECTION, {}, "another number of names, probabilities and boxes"),
        (Task.DETECTION, {"BOXES": np.float32([[0, 0, np.inf, 1]])}, "boxes that are not numbers"),
        (Task.SEGMENTATION, {"MASK": np.zeros((1, 3, 4), np.uint8)}, "does not fit the image"),
        (Task.SEGMENTATION, {"MASK": np.full((2, 3, 4), 2, np.uint8)}, "labels without a name"),
        (Task.SEGMENTATION, {}, "does not fit the image"),
    ],
)
def test_an_answer_that_is_none_to_the_question_is_not_taken(task: Task, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Unclear, match=why):
        answer_of(question(task), said(**changes))


def test_a_deadline_means_that_the_answer_may_exist_later() -> None:
    with pytest.raises(Unavailable, match="before the question's deadline"):
        answer_of(question(), said(FINISH=["deadline"]))
