"""The wire contract of models that read images, version 1: what is taken, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import engine

contract, refused = engine("image_contract"), engine("contract").ContractError
VOLUME = contract.Request(
    task="segmentation",
    pixels=np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 12,
    sources=(contract.Source("axial", "2.25.1", 1), contract.Source("axial", "2.25.2", 7)),
    spacing_mm=(0.7, 0.8),
    slice_spacing_mm=1.5,
    priority=0,
    deadline_s=30,
)


def test_a_request_survives_its_tensors() -> None:
    read = contract.parse(contract.encode_request(VOLUME))
    assert np.array_equal(read.pixels, VOLUME.pixels)
    assert {**vars(read), "pixels": 0} == {**vars(VOLUME), "pixels": 0}


def test_an_answer_survives_its_tensors() -> None:
    sent = contract.Answer(
        finish="stop",
        names=("nodule", "größe"),
        probabilities=np.float32([0.5, 0.25]),
        boxes=np.float32([[1, 2, 3, 4], [5, 6, 7, 8]]),
        mask=np.ones((1, 2, 3), np.uint8),
        usage={"model": "m"},
    )
    read = contract.decode_answer(contract.encode_answer(sent))
    assert (read.finish, read.names, read.usage) == (sent.finish, sent.names, sent.usage)
    for name in ("probabilities", "boxes", "mask"):
        assert np.array_equal(getattr(read, name), getattr(sent, name))


def test_a_response_that_says_only_that_the_model_is_at_work_is_empty() -> None:
    assert contract.decode_answer(contract.encode_answer(contract.Answer())).finish == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CONTRACT_VERSION": np.array([1], np.int32)}, "version 1 is not spoken here, only version 2"),
        ({"PIXELS": None}, "PIXELS and SHAPES are both needed"),
        ({"PIXELS": np.zeros(24, np.float32)}, "UINT16 .* or INT16 .*, got float32"),
        ({"PIXELS": np.zeros(23, np.uint16)}, r"2 slice\(s\) of 3 x 4 do not fit 23 pixels"),
        ({"SHAPES": np.array([[3, 4], [4, 3]], np.int32)}, "must have the same rows and columns"),
        ({"SHAPES": np.array([3, 4], np.int32)}, r"SHAPES must be \[n, 2\]"),
        ({"SHAPES": np.zeros((2, 2), np.int32)}, "do not fit"),
    ],
)
def test_tensors_that_are_not_of_the_contract_are_refused(changes: dict[str, Any], said: str) -> None:
    tensors = {name: value for name, value in (contract.encode_request(VOLUME) | changes).items() if value is not None}
    with pytest.raises(refused, match=said):
        contract.parse(tensors)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "guessing"}, "task must be one of classification, detection, segmentation"),
        ({"images": [{}]}, "one entry for each of the 2"),
        ({"images": [{"frame": 0}, {}]}, "frame must be a whole number from 1"),
        ({"images": [{"labl": ""}, {}]}, "label, source and frame, and nothing else"),
        ({"spacing_mm": [1]}, "spacing_mm must be two numbers"),
        ({"slice_spacing_mm": 0}, "slice_spacing_mm must be a number above 0"),
        ({"priority": 10}, "priority must be a whole number from 0 to 9"),
        ({"deadline": 3}, "unknown fields: deadline"),
    ],
)
def test_a_request_that_is_not_of_the_contract_is_refused(changes: dict[str, Any], said: str) -> None:
    body = {"task": "segmentation", **changes}
    tensors = contract.encode_request(VOLUME) | {"REQUEST": np.array([json.dumps(body).encode()], np.object_)}
    with pytest.raises(refused, match=said):
        contract.parse(tensors)
