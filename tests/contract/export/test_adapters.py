"""Adapters, from PEFT's layout to tokens through Triton: PEFT's own, whatever is asked beside them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime_genai as og
import pytest

from service.adapters.exporter import ExportFailed, answers, export
from service.ports.models import Answer, ImagePart, Models, Question
from tests.contract.export.conftest import SCRIPT, made
from tests.support import tiny_adapter, triton_server
from tests.support.installation import REPOSITORY
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine import goldens  # noqa: E402 - importable from here on
from engine.goldens import Golden  # noqa: E402

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

SWAPPED = ("phi", "phi3", "gemma3", "qwen2_5_vl")
GOLDENS = REPOSITORY / "triton_models" / "engine" / "goldens.py"


def adapted(model: Path, folder: Path, name: str, python: Path, **changed: str) -> dict[str, Any]:
    """Add the adapter that lies in `folder`/`name` to a model of `made`; its record."""
    job = {"model": str(model), "checkpoint": str(folder / "checkpoints" / model.name), "adapter": str(folder / name),
           "name": name, "licence": "mit", "source": "a test", **changed}  # fmt: skip
    return dict(export(python, SCRIPT, {"name": f"{model.name} with {name}", "adapter_of": job}, say=print))


@dataclass
class Served:
    """A family's model with two adapters, behind Triton."""

    layout: str
    model: Path
    models: Models
    records: dict[str, dict[str, Any]]
    speak: Callable[[tuple[int, ...]], str]

    def ask(self, golden: Golden, on_text: Callable[[str], None] = str) -> Answer:
        drawn = goldens.image_of(golden, None)
        shown = () if drawn is None else (ImagePart(label="frontal", pixels=drawn),)
        return self.models.ask(
            Question(model=self.layout, parts=(*shown, golden.text), adapter=golden.adapter or None,
                     max_tokens=golden.max_tokens, timeout_s=120), on_text=on_text,
        )  # fmt: skip

    @property
    def all(self) -> list[Golden]:
        """Every question, without an adapter and with each, in turn."""
        kinds = [goldens.read(self.model / "1"), *map(goldens.goldens_of, self.records.values())]
        return [one for together in zip(*kinds, strict=True) for one in together]


@pytest.fixture(scope="module", params=SWAPPED)
def served(
    request: pytest.FixtureRequest, exporting_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    layout, folder = request.param, tmp_path_factory.mktemp(request.param)
    begun = time.monotonic()
    model, _ = made(layout, layout, folder, exporting_python)
    print(f"{layout}: added in {time.monotonic() - begun:.0f} s")
    first = next(iter(tiny_adapter.TARGETS[layout].modules))
    tiny_adapter.write(folder / "whole", layout)
    # One module alone, of another rank, with the names that PEFT writes today for a model with images.
    seeing = "model.language_model" if layout in ("gemma3", "qwen2_5_vl") else None
    tiny_adapter.write(folder / "part", layout, seed=4, rank=2, modules=[first], prefix=seeing)
    records = {}
    for name in ("whole", "part"):
        begun = time.monotonic()
        records[name] = adapted(model, folder, name, exporting_python)
        print(f"{layout} with {name}: added in {time.monotonic() - begun:.0f} s")
    tokenizer = og.Tokenizer(str(model / "1"))
    ends = {int(token) for token in tokenizer.eos_token_ids}

    def speak(tokens: tuple[int, ...]) -> str:
        stream = tokenizer.create_stream()
        return "".join(stream.decode(token) for token in tokens if token not in ends)

    with triton_server.serving(folder, folder / "models", [layout]) as server:
        yield Served(layout, model, server.models, records, speak)


def test_logits_and_every_greedy_token_are_peft_s_and_another_s_than_the_model_s(served: Served) -> None:
    base = goldens.read(served.model / "1")
    for record in served.records.values():
        print(served.layout, record["name"], record["components"], record["tokens_identical"], record["tokens"])
        assert record["differences"] == []
        assert record["prompts"] == record["greedy_tokens_identical"] == 8
        (decoder,) = record["components"]
        assert decoder["max_difference"] < 1e-4 * decoder["largest"]
        told = goldens.goldens_of(record)
        assert sum(one.tokens != other.tokens for one, other in zip(told, base, strict=True)) >= 6


def test_adapters_are_swapped_from_question_to_question_in_a_running_server(served: Served) -> None:
    swapped: list[float] = []
    for golden in served.all:
        pieces: list[str] = []
        begun = time.monotonic()
        answer = served.ask(golden, pieces.append)
        swapped.append(time.monotonic() - begun)
        assert answer.text == "".join(pieces) == served.speak(golden.tokens)
        assert answer.adapter == golden.adapter
        wanted = served.records[golden.adapter]["digest"].removeprefix("sha256:") if golden.adapter else ""
        assert answer.adapter_digest == wanted
    print(f"{served.layout}: {1000 * sorted(swapped)[len(swapped) // 2]:.0f} ms each, another adapter every time")


def test_two_adapters_and_none_do_not_mix_when_they_are_asked_at_once(served: Served) -> None:
    with ThreadPoolExecutor(6) as pool:
        for golden, answer in zip(served.all, pool.map(served.ask, served.all), strict=True):
            assert (answer.text, answer.adapter) == (served.speak(golden.tokens), golden.adapter)


def test_the_goldens_of_adapters_are_asked_again_with_the_model_s(served: Served, tmp_path: Path) -> None:
    assert {name: one["identical"] for name, one in answers(served.model, GOLDENS, None)["adapters"].items()} == {
        "part": 8, "whole": 8,
    }  # fmt: skip


def test_an_adapter_that_is_not_of_the_model_leaves_nothing_behind(exporting_python: Path, tmp_path: Path) -> None:
    model, _ = made("phi", "phi", tmp_path, exporting_python)
    tiny_adapter.write(tmp_path / "stranger", "phi3")
    with pytest.raises(ExportFailed, match=r"the adapter is not for phi: it adapts .* of another family"):
        adapted(model, tmp_path, "stranger", exporting_python)
    bare, _ = made("phi", "bare", tmp_path, exporting_python, adapters=False)
    tiny_adapter.write(tmp_path / "site", "phi")
    with pytest.raises(ExportFailed, match=r"bare has no room for adapters .* preread models add"):
        adapted(bare, tmp_path, "site", exporting_python)
    assert not any((one / "1" / "adapters").exists() for one in (model, bare))
    assert sorted(one.name for one in model.parent.iterdir()) == ["bare", "phi"]


@pytest.mark.parametrize("layout", ["phi", "llava"])
def test_a_merged_adapter_makes_a_verified_model_of_its_own(
    layout: str, exporting_python: Path, tmp_path: Path
) -> None:
    tiny_adapter.write(tmp_path / "site", layout)
    model, _ = made(layout, layout, tmp_path, exporting_python)
    one, record = made(
        layout, "merged", tmp_path, exporting_python,
        adapter=str(tmp_path / "site"), checkpoint=str(tmp_path / "checkpoints" / layout),
    )  # fmt: skip
    print(layout, record["tokens_identical"], record["tokens"])
    assert record["differences"] == []
    told, base = goldens.read(one / "1"), goldens.read(model / "1")
    assert sum(a.tokens != b.tokens for a, b in zip(told, base, strict=True)) >= 6
    if layout == "phi":
        swapped = goldens.goldens_of(adapted(model, tmp_path, "site", exporting_python))
        assert [a.tokens for a in told] == [a.tokens for a in swapped]
    assert json.loads((one / "1" / "verify.json").read_text())["prompts"] == 8
