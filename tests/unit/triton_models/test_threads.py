"""Threads of one answer: a small model gets one, a large one every core, and nobody more than there are."""

import os
from pathlib import Path

import pytest

from tests.unit.triton_models.by_path import ROOT, engine


@pytest.mark.parametrize(("mib", "wanted"), [(0, 1), (15, 1), (16, 2), (33, 3), (400, 4)])
def test_each_16_mib_of_graphs_are_worth_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mib: int, wanted: int
) -> None:
    threads = engine("threads")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    with (tmp_path / "model.onnx.data").open("wb") as file:
        file.truncate(mib * 2**20)
    (tmp_path / "tokenizer.json").write_bytes(b" " * 2**22)
    assert threads.worth(tmp_path) == wanted


def test_the_demo_model_answers_with_one() -> None:
    assert engine("threads").worth(ROOT / "chest_demo" / "1") == 1
