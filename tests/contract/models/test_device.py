"""A GPU that was asked for and cannot be had: both doors refuse, and say what to do. And a real one, where there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.domain.errors import Unavailable
from service.ports.models import Question
from tests.support import scripted_model, triton_server
from tests.support.installation import REPOSITORY
from tests.support.local_engine import SCRIPT
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e]

REMEDY = "requirements-gpu.lock"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A model that Triton's configuration puts on a GPU."""
    model = scripted_model.write(tmp_path / "models", "wanted", scripted_model.Script(answers=("yes",)))
    config, empty = model / "config.pbtxt", '"device" value: { string_value: "" }'
    text = config.read_text()
    assert empty in text
    config.write_text(text.replace(empty, empty.replace('""', '"cuda"')))
    return model.parent


def test_the_local_engine_does_not_start_and_names_the_remedy(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--repository", repository, "--socket", tmp_path / "s", "--device", "cuda"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode
    assert "wanted: could not be loaded" in ended.stderr
    assert REMEDY in ended.stderr
    assert not (tmp_path / "s").exists()


def test_triton_does_not_serve_the_model_and_its_reason_reaches_whoever_asks(repository: Path, tmp_path: Path) -> None:
    with triton_server.serving(tmp_path, repository, ["wanted"], up=lambda state: bool(state.models)) as server:
        wait_for(lambda: server.models.state().models[0].reason, 120, "the model neither loads nor fails")
        [model] = server.models.state().models
        assert not model.ready
        assert REMEDY in model.reason
        with pytest.raises(Unavailable):
            server.models.ask(Question(model="wanted", parts=("Well?",), timeout_s=10))


@pytest.mark.gpu
def test_a_real_gpu_is_used_and_said_to_be(tmp_path: Path) -> None:
    """PREREAD_GPU_PYTHON: the interpreter of an environment made from requirements-gpu.lock."""
    interpreter = os.environ.get("PREREAD_GPU_PYTHON")
    if not interpreter:
        pytest.skip("PREREAD_GPU_PYTHON names no interpreter with the GPU's packages")
    command = [interpreter, SCRIPT, "--repository", REPOSITORY / "triton_models", "--device", "cuda"]
    with subprocess.Popen(
        [*command, "--socket", tmp_path / "s", "--with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as engine:
        assert engine.stdout is not None
        hello = json.loads(engine.stdout.readline())
        engine.terminate()
    assert {model["execution_provider"] for model in hello["models"]} == {"CUDAExecutionProvider"}
