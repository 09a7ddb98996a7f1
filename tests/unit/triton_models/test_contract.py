"""The wire contract, version 2: what is taken, and what is refused with which words."""

import json
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import load

contract = load("engine/contract.py")


def request_tensors(body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    asked = body or {"parts": [{"image": 0, "label": "frontal"}, {"text": "Write the report."}]}
    tensors = {
        "CONTRACT_VERSION": np.array([2], np.int32),
        "REQUEST": np.array([json.dumps(asked).encode()], np.object_),
        "PIXELS": np.arange(12, dtype=np.uint16),
        "SHAPES": np.array([[3, 4]], np.int32),
    }
    return {name: value for name, value in (tensors | more).items() if value is not None}


def test_a_request_survives_its_tensors() -> None:
    sent = contract.Request(
        parts=(contract.ImageRef(1, "lateral"), contract.Text("Größe?"), contract.ImageRef(0, "frontal")),
        images=(np.ones((2, 3), np.uint16), np.full((4, 1), 65535, np.uint16)),
        prefix="FINDINGS: ",
        guidance=contract.Guidance("regex", "yes|no"),
        max_tokens=7,
    )
    taken = contract.parse(contract.encode_request(sent))
    assert (taken.parts, taken.prefix, taken.guidance, taken.max_tokens) == (
        sent.parts,
        sent.prefix,
        sent.guidance,
        sent.max_tokens,
    )
    for here, there in zip(taken.images, sent.images, strict=True):
        np.testing.assert_array_equal(here, there)


def test_what_is_left_out_has_its_default() -> None:
    taken = contract.parse(request_tensors())
    assert (taken.prefix, taken.guidance, taken.adapter, taken.max_tokens) == ("", None, None, None)
    assert taken.images[0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_prompt_may_have_no_images() -> None:
    taken = contract.parse(request_tensors({"parts": [{"text": "Hello."}]}, PIXELS=None, SHAPES=None))
    assert taken.images == ()


def test_an_unknown_version_is_refused_and_both_versions_are_named() -> None:
    with pytest.raises(contract.ContractError, match="version 1 is not spoken here, only version 2"):
        contract.parse(request_tensors(CONTRACT_VERSION=np.array([1], np.int32)))


IMAGE = {"image": 0, "label": "frontal"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"parts": []}, "parts must be a list"),
        ({"prefix": "a"}, "parts must be a list"),
        ({"parts": [{"text": "a"}]}, "each must stand once"),
        ({"parts": [IMAGE, IMAGE]}, "each must stand once"),
        ({"parts": [{"image": 1}]}, "shows image 1, but 1 image"),
        ({"parts": [{"image": True}]}, "shows image True"),
        ({"parts": [IMAGE, {"txt": "a"}]}, "expected text, or image with label"),
        ({"parts": [IMAGE, {"text": 3}]}, "part text is not text"),
        ({"parts": [IMAGE], "guidence": None}, "unknown fields: guidence"),
        ({"parts": [IMAGE], "guidance": {"kind": "xml", "value": ""}}, "guidance must have a kind"),
        ({"parts": [IMAGE], "guidance": "regex"}, "guidance must have a kind"),
        ({"parts": [IMAGE], "max_tokens": 0}, "max_tokens must be a whole number from 1"),
        ({"parts": [IMAGE], "max_tokens": True}, "max_tokens must be a whole number from 1"),
        ({"parts": [IMAGE], "adapter": 1}, "adapter is not text"),
    ],
)
def test_a_request_that_does_not_follow_the_contract_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(contract.ContractError, match=says):
        contract.parse(request_tensors(body))


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"CONTRACT_VERSION": None}, "CONTRACT_VERSION is missing"),
        ({"REQUEST": np.array([b"a", b"b"], np.object_)}, "REQUEST has 2 elements"),
        ({"REQUEST": np.array([b"\xff"], np.object_)}, "REQUEST is not UTF-8"),
        ({"REQUEST": np.array([b"{"], np.object_)}, "REQUEST is not JSON"),
        ({"REQUEST": np.array([b"[" * 100_000], np.object_)}, "REQUEST is not JSON"),
        ({"REQUEST": np.array([b"[]"], np.object_)}, "REQUEST is not a JSON object"),
        ({"REQUEST": np.array([b" " * (2**20 + 1)], np.object_)}, "REQUEST is longer"),
        ({"PIXELS": np.zeros(12, np.float32)}, "not UINT16"),
        ({"PIXELS": None}, "PIXELS is missing"),
        ({"SHAPES": None}, "PIXELS without SHAPES"),
        ({"SHAPES": np.array([3, 4], np.int32)}, r"SHAPES must be \[n, 2\]"),
        ({"SHAPES": np.array([[3, 5]], np.int32)}, "do not fit 12 pixels"),
        ({"SHAPES": np.array([[-3, -4]], np.int32)}, "do not fit 12 pixels"),
        ({"SHAPES": np.array([[12, 1], [0, 9]], np.int32)}, "do not fit 12 pixels"),
    ],
)
def test_tensors_that_do_not_follow_the_contract_are_refused(tensors: dict[str, Any], says: str) -> None:
    with pytest.raises(contract.ContractError, match=says):
        contract.parse(request_tensors(**tensors))


def test_a_response_survives_its_tensors_and_only_the_last_has_usage() -> None:
    for chunk in (
        contract.Chunk((" Gr", "", "öße"), (-0.5, -0.25, -0.125)),
        contract.Chunk(("",), (-1.0,), "stop", {"completion_tokens": 4}),
        contract.Chunk((), (), "cancelled", {"completion_tokens": 4}),
    ):
        assert contract.decode_chunk(contract.encode_chunk(chunk)) == chunk
    tensors = contract.encode_chunk(contract.Chunk())
    assert tensors["USAGE"].tolist() == [b""]
    assert tensors["LOGPROBS"].shape == tensors["TEXT"].shape == (0,)
