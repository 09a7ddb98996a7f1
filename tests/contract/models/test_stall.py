"""A model server whose answers stand still ends itself, and comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.installation import REPOSITORY
from tests.support.triton_server import TritonServer, serving
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e]

MODELS = REPOSITORY / "triton_models"
CONFIG = """
name: "sleeper"
backend: "python"
input [ { name: "SECONDS" data_type: TYPE_FP32 dims: [1] } ]
output [ { name: "SLEPT" data_type: TYPE_FP32 dims: [1] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
model_transaction_policy { decoupled: True }
"""
MODEL = f"""
import os, sys, threading, time
sys.path[:0] = [{str(MODELS)!r}, *filter(None, os.environ["PREREAD_SITE_PACKAGES"].split(os.pathsep))]
import numpy as np
import triton_python_backend_utils as pb
from engine.stall import Stall

class TritonPythonModel:
    def initialize(self, args):
        self.watch = Stall(2)

    def execute(self, requests):
        for request in requests:
            seconds = float(request.inputs()[0].as_numpy()[0])
            threading.Thread(target=self.answer, args=(seconds, request.get_response_sender()), daemon=True).start()

    def answer(self, seconds, sender):
        with self.watch.answering():
            time.sleep(seconds)
            sender.send(pb.InferenceResponse([pb.Tensor("SLEPT", np.array([seconds], np.float32))]))
            sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
ALONE = f"""
import sys, time
sys.path.insert(0, {str(MODELS)!r})
from engine import stall
stall.REARM_EVERY_S = 0.1  # so that it is armed for 2.1 s at each step, and far from its end when the next one comes
watch = stall.Stall(2)
with watch.answering():
    for _ in range(30):
        time.sleep(0.1)
        watch.moved()
time.sleep(2.5)
print("alive", flush=True)
with watch.answering():
    time.sleep(30)
"""


def test_an_answer_that_moves_lives_an_idle_process_too_and_one_that_stands_still_ends_with_its_traces() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "alive\n"
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert 'File "<string>"' in done.stderr, "where each thread stood"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[TritonServer]:
    """A real Triton with a model that answers after as many seconds as it is told, and may stand still for 2."""
    model = tmp_path / "models" / "sleeper"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(CONFIG)
    (model / "1" / "model.py").write_text(MODEL)
    with serving(tmp_path, model.parent, ["sleeper"]) as server:
        yield server


def said(server: TritonServer, seconds: float, *, timeout_s: float = 60) -> str:
    """What Triton answers, a timeout included."""
    url = f"http://127.0.0.1:{server.ports.http}/v2/models/sleeper/generate_stream"
    try:
        return httpx.post(url, json={"SECONDS": seconds}, timeout=timeout_s, trust_env=False).text
    except httpx.TimeoutException as silence:
        return repr(silence)


@pytest.mark.slow
def test_a_model_whose_answer_stands_still_is_ended_and_triton_says_so(sleeper: TritonServer) -> None:
    assert '"SLEPT":1.0' in said(sleeper, 1)
    assert "Timeout" in said(sleeper, 600, timeout_s=8)
    wait_for(lambda: not sleeper.stubs(), what="it is not ended")
    assert "not healthy" in said(sleeper, 0), "on these words the models adapter has it loaded again"
