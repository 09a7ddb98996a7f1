"""What `doctor` and `check` say of the model server: which provider each model got, or why it is not loaded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from service.cli.probes import Level, models
from service.ports.models import ServedModel, ServerState
from service.settings import Settings


def services(*served: ServedModel) -> Any:
    state = ServerState(ready=all(model.ready for model in served), engine="Triton 2.73.0", models=served)
    return SimpleNamespace(models=SimpleNamespace(state=lambda: state), settings=Settings())


def model(name: str, *, ready: bool = True, provider: str = "", reason: str = "") -> ServedModel:
    return ServedModel(name=name, version="1", ready=ready, engine="Triton", provider=provider, reason=reason)


def test_each_model_is_named_with_the_provider_it_got() -> None:
    found = models(
        services(model("a", provider="CUDAExecutionProvider"), model("b", provider="CPUExecutionProvider"), model("c"))
    )
    assert found.level is Level.OK
    assert "a 1 on CUDAExecutionProvider, b 1 on CPUExecutionProvider, c 1 on an execution provider that it did" in (
        found.text
    )


def test_a_model_that_did_not_load_says_why() -> None:
    why = "was to run on CUDAExecutionProvider and runs on CPUExecutionProvider"
    found = models(services(model("a", provider="CPUExecutionProvider"), model("b", ready=False, reason=why)))
    assert found.level is Level.CRITICAL
    assert found.text == f"b is not loaded: {why}"


def test_the_server_runs_on_what_its_models_run_on() -> None:
    both = (model("a", provider="CUDAExecutionProvider"), model("b", provider="CPUExecutionProvider"), model("c"))
    assert ServerState(ready=True, engine="Triton", models=both).provider == "CPU and CUDA"
    assert ServerState(ready=True, engine="Triton", models=both[2:]).provider == ""
