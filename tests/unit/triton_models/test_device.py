"""The device a model asks for and the one it gets, with runtimes that fall back, refuse or obey."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.unit.triton_models.by_path import ROOT

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class Runtimes:
    """ONNX Runtime and GenAI as far as loading needs them: which devices they have, and what they do without one."""

    def __init__(self) -> None:
        self.gpu = False
        self.refuses = False
        """Whether GenAI raises for a GPU that is missing; else it takes the CPU without a word."""
        self.domain_gpu: bool | None = None
        """Whether the session of the domain's graph gets the GPU; None: as the rest."""

    def config(self, path: str) -> Any:
        named: list[str] = []
        options = json.loads((Path(path) / "genai_config.json").read_text())["model"]["decoder"]["session_options"]
        named += [name for option in options["provider_options"] for name in option]
        return SimpleNamespace(
            named=named, overlay=lambda text: None, clear_providers=named.clear, append_provider=named.append
        )

    def model(self, config: Any) -> Any:
        asked = "cuda" in config.named
        if asked and not self.gpu and self.refuses:
            raise RuntimeError("Cuda interface not available")
        return SimpleNamespace(device_type="CUDA" if asked and self.gpu else "CPU")

    def session(self, file: str, options: Any, providers: list[str]) -> Any:
        gpu = self.gpu if self.domain_gpu is None else self.domain_gpu
        got = [name for name in providers if name != CUDA or gpu] or [CPU]
        return SimpleNamespace(get_providers=lambda: got)


Load = Callable[..., Any]


@pytest.fixture
def runtimes() -> Runtimes:
    return Runtimes()


@pytest.fixture
def load(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Load]:
    """Loads a model whose own configuration names `own`, on `device`; with a judge of its domain."""
    ort, og = ModuleType("onnxruntime"), ModuleType("onnxruntime_genai")
    options = partial(SimpleNamespace, add_session_config_entry=lambda name, value: None)
    ort.__dict__.update(SessionOptions=options, InferenceSession=runtimes.session)
    tokenizer = SimpleNamespace(eos_token_ids=[2], update_options=lambda **_: None)
    og.__dict__.update(Config=runtimes.config, Model=runtimes.model, Tokenizer=lambda model: tokenizer)
    monkeypatch.setitem(sys.modules, "onnxruntime", ort)
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", og)
    monkeypatch.syspath_prepend(ROOT)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "engine"}
    genai, folder = importlib.import_module("engine.genai"), importlib.import_module("engine.folder")

    def loaded(device: str, own: str = "") -> Any:
        options = {"provider_options": [{own: {}}] if own else []}
        sizes = {"num_hidden_layers": 1, "num_key_value_heads": 1, "head_size": 4}
        config = {"model": {"decoder": {"session_options": options, **sizes}}}
        (tmp_path / "genai_config.json").write_text(json.dumps(config))
        shutil.copy2(ROOT / "chest_demo" / "1" / "tokenizer.json", tmp_path)
        model = folder.ModelFolder(
            path=tmp_path, name="chest", version="1", digest="sha256:0", image=None,
            domain=folder.Domain("domain.onnx", 0.5), context_tokens=8, default_max_tokens=8,
        )  # fmt: skip
        return genai.Engine(model, threads=1, device=device)

    yield loaded
    for name in [name for name in sys.modules if name.split(".")[0] == "engine"]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.parametrize(
    ("device", "own", "gpu", "got"),
    [
        ("", "", False, CPU),
        ("", "", True, CPU),
        ("cpu", "", True, CPU),
        ("cpu", "cuda", True, CPU),
        ("cuda", "", True, CUDA),
        ("", "cuda", True, CUDA),
        ("cuda", "cuda", True, CUDA),
    ],
)
def test_a_model_says_which_provider_it_really_got(
    load: Load, runtimes: Runtimes, device: str, own: str, gpu: bool, got: str
) -> None:
    runtimes.gpu = gpu
    assert load(device, own).identity()["execution_provider"] == got


@pytest.mark.parametrize(("device", "own"), [("cuda", ""), ("", "cuda")])
@pytest.mark.parametrize("refuses", [False, True])
def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error_with_its_remedy(
    load: Load, runtimes: Runtimes, device: str, own: str, refuses: bool
) -> None:
    runtimes.refuses = refuses
    with pytest.raises(RuntimeError, match=r"^chest: .*requirements-gpu\.lock.*CUDA 13.*device cpu") as said:
        load(device, own)
    assert type(said.value).__name__ == "ModelError"


def test_a_part_of_the_model_that_falls_back_alone_is_an_error_too(load: Load, runtimes: Runtimes) -> None:
    runtimes.gpu, runtimes.domain_gpu = True, False
    with pytest.raises(RuntimeError, match=f"was to run on {CUDA} and runs on {CPU}"):
        load("cuda")


def test_a_device_that_is_none_is_named(load: Load) -> None:
    with pytest.raises(RuntimeError, match="device 'gpu' is not known: write cpu or cuda"):
        load("gpu")


def test_a_failure_on_the_cpu_speaks_of_no_gpu(load: Load, runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["engine.genai"].og, "Tokenizer", lambda model: 1 / 0)  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match=r"could not be loaded: division by zero$"):
        load("cpu")
