"""The demo model in both engines: each answer alone in GenAI, and all of them in one batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from tests.support.installation import REPOSITORY
from tests.unit.triton_models.by_path import ROOT, engine

pytestmark = pytest.mark.e2e

contract, engines, folder, genai = engine("contract"), engine("engines"), engine("folder"), engine("genai")

MODEL = ROOT / "chest_demo"
BEGUN = ("", "FINDINGS: The heart", "FINDINGS: The heart size is normal. No", "FINDINGS: There is a large left")
TEXTS = ("Write the impression.\nReport: There is a small right pleural effusion.", "Is there a nodule? 1 2 3")
AT_ONCE = 8


@pytest.fixture(scope="module")
def requests() -> list[Any]:
    """Questions about a phantom, and about its halves, with several beginnings; and of text alone."""
    pixels = dcmread(REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm").pixel_array.astype(np.float64)
    whole = (np.clip(pixels / pixels.max(), 0, 1) * 65535).astype(np.uint16)
    shown = contract.ImageRef(0, "frontal"), contract.Text("Write the report.")
    asked = [
        contract.Request(shown, (image,), prefix=begun, max_tokens=120)
        for image in (whole, whole[:, ::-1].copy(), (whole * 0.8).astype(np.uint16))
        for begun in BEGUN
    ]
    return asked + [contract.Request((contract.Text(text),), max_tokens=60) for text in TEXTS]


def told(loaded: Any, request: Any) -> tuple[list[int], list[float], str]:
    """The tokens of an answer, their log-probabilities, and why it ended."""
    chunks = list(loaded.generate(request))
    tokens = [token for chunk in chunks for token in chunk.tokens]
    return tokens, [value for chunk in chunks for value in chunk.logprobs], chunks[-1].finish


def test_answers_of_a_batch_are_those_of_each_alone_in_the_other_engine(requests: list[Any]) -> None:
    alone, together = genai.Engine(folder.read_folder(MODEL), threads=1), engines.load(MODEL)
    assert together.together, "the demo model's decoder can share a batch"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda request: told(together, request), requests))
    for request, (tokens, logprobs, finish) in zip(requests, found, strict=True):
        wanted = told(alone, request)
        assert (tokens, finish) == (wanted[0], wanted[2])
        np.testing.assert_allclose(logprobs, wanted[1], atol=1e-3)
    assert sum(len(tokens) for tokens, _, _ in found) > 200
