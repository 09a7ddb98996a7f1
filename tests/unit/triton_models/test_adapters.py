"""Which adapters answer: those whose record says that they were verified, with these files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine.adapters import MOST, adapters  # noqa: E402 - importable from here on
from engine.folder import ModelError, ModelFolder, digest_of_file  # noqa: E402


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    (tmp_path / "adapters").mkdir()
    file = tmp_path / "adapters" / "site.onnx_adapter"
    file.write_bytes(b"weights")
    record = {"digest": f"sha256:{digest_of_file(file)}", "model_digest": "sha256:m", "prompts": 8,
              "greedy_tokens_identical": 8, "differences": []}  # fmt: skip
    file.with_suffix(".json").write_text(json.dumps(record))
    return ModelFolder(
        path=tmp_path, name="m", version="1", digest="sha256:m", image=None, domain=None, context_tokens=9,
        default_max_tokens=3,
    )  # fmt: skip


def change(model: ModelFolder, **changed: Any) -> None:
    file = model.path / "adapters" / "site.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))


def test_a_verified_adapter_answers(model: ModelFolder) -> None:
    assert adapters(model)["site"].wrong == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"digest": "sha256:0"}, "its file is not the one that was verified"),
        ({"model_digest": "sha256:other"}, "it was verified with another model"),
        ({"greedy_tokens_identical": 7}, "7 of 8 answers are those of the framework"),
        ({"prompts": 0, "greedy_tokens_identical": 0}, "0 of 0 answers"),
        ({"differences": ["logits differ"]}, "logits differ"),
        ({"prompts": "many"}, "cannot be read"),
    ],
)
def test_one_that_differs_does_not_and_says_why(model: ModelFolder, changed: dict[str, Any], why: str) -> None:
    change(model, **changed)
    assert why in adapters(model)["site"].wrong
    assert adapters(model, unverified=True)["site"].wrong == ""


def test_an_override_serves_it_but_never_other_files(model: ModelFolder) -> None:
    change(model, differences=["logits differ"], unverified_override="a trial (me)")
    assert adapters(model)["site"].wrong == ""
    change(model, digest="sha256:0")
    assert adapters(model)["site"].wrong


def test_one_without_a_record_and_more_than_a_server_loads_are_named(model: ModelFolder) -> None:
    (model.path / "adapters" / "site.json").unlink()
    assert adapters(model)["site"].wrong == "it was never verified (no site.json)"
    for number in range(MOST):
        (model.path / "adapters" / f"a{number}.onnx_adapter").touch()
    with pytest.raises(ModelError, match=f"has {MOST + 1} adapters and loads at most {MOST}"):
        adapters(model)
