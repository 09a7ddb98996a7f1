"""Pieces of a prompt: how long, and that the demo model's questions are one."""

from pathlib import Path

import pytest

from tests.unit.triton_models.by_path import ROOT, engine


@pytest.mark.parametrize(
    ("weights", "tokens"), [(1, 512), (1 << 28, 512), (3 << 27, 341), (1 << 29, 256), (1 << 34, 256)]
)
def test_pieces_are_shorter_for_a_large_model(tmp_path: Path, weights: int, tokens: int) -> None:
    with (tmp_path / "model.onnx.data").open("wb") as file:
        file.truncate(weights)
    assert engine("pieces").piece(tmp_path) == tokens


def test_the_demo_models_have_the_most() -> None:
    assert engine("pieces").piece(ROOT / "chest_demo" / "1") == 512
