"""Does a model answer here? Triton is started once with a model of a few lines, and the outcome remembered.

The programs may start and the stub still fail: a standard library that does not fit its libpython, a NumPy that it
cannot read, a /dev/shm too small. Each shows only when a model imports what ours import and tensors go both ways.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.embedded.binaries import Say
from service.embedded.keep import SHARED_MEMORY
from service.embedded.missing import Missing
from service.embedded.ports import LOOPBACK, choose_free
from service.embedded.tritonserver import Ports, Triton, shared_memory_prefix

NAME = "trial"
CONFIG = """
name: "trial"
backend: "python"
input [ { name: "NUMBERS" data_type: TYPE_FP32 dims: [-1] }, { name: "WORDS" data_type: TYPE_STRING dims: [-1] } ]
output [ { name: "SUMS" data_type: TYPE_FP32 dims: [-1] }, { name: "SAID" data_type: TYPE_STRING dims: [-1] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
"""
MODEL = """
import os, sys
sys.path[:0] = filter(None, os.environ["PREREAD_SITE_PACKAGES"].split(os.pathsep))
import numpy, onnxruntime, onnxruntime_genai
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        numbers, words = (pb.get_input_tensor_by_name(request, name).as_numpy() for name in ("NUMBERS", "WORDS"))
        said = numpy.array([word.upper() for word in words], dtype=numpy.object_)
        return pb.InferenceResponse([pb.Tensor("SUMS", numpy.cumsum(numbers)), pb.Tensor("SAID", said)])
"""
QUESTION = {
    "inputs": [
        {"name": "NUMBERS", "datatype": "FP32", "shape": [3], "data": [1, 2, 3]},
        {"name": "WORDS", "datatype": "BYTES", "shape": [2], "data": ["one", "and two"]},
    ]
}
ANSWER = {"SUMS": [1.0, 3.0, 6.0], "SAID": ["ONE", "AND TWO"]}
WITHIN_S = 90.0
GIST_CHARACTERS = 160

Try = Callable[[Triton], str | None]


def passed(triton: Triton, cache: Path, say: Say, *, attempt: Try | None = None) -> Triton:
    """Return `triton` if a model answers in it on this machine; asked once per Triton and environment.

    Raises Missing with the sentence that says why not; a failure is not remembered, because people repair things.
    """
    what = json.dumps([str(triton.home), str(triton.libpython), str(triton.numpy), sys.prefix, sys.version])
    mark = cache / f"triton-works-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    if not mark.exists():
        say("trying Triton with a small model (once)")
        if reason := (attempt or ask_a_model)(triton):
            raise Missing(f"Triton's Python backend does not work here ({reason}).")
        mark.touch()
    return triton


def ask_a_model(triton: Triton) -> str | None:
    """Start `triton` with the small model; return None once it has answered rightly, else what went wrong."""
    ports = Ports(*choose_free(3))
    with tempfile.TemporaryDirectory(prefix="preread-trial-") as folder:
        model = Path(folder) / "models" / NAME
        (model / "1").mkdir(parents=True)
        (model / "config.pbtxt").write_text(CONFIG)
        (model / "1" / "model.py").write_text(MODEL)
        command = triton.command(repositories=[model.parent], models=[NAME], ports=ports)
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(
                command,
                env=triton.environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        try:
            return _state(server, ports)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            for left in SHARED_MEMORY.glob(f"{shared_memory_prefix(ports)}*"):
                left.unlink(missing_ok=True)


def _state(server: subprocess.Popen[bytes], ports: Ports) -> str | None:
    """Return why the model does not answer; None if it does. Triton listens once its models are loaded or not."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if server.poll() is not None:
            return f"it ended with code {server.returncode}"
        try:
            index = ask(ports, "repository/index", {})
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
            continue
        return verdict(index) or _answer(ports)
    return f"no answer within {WITHIN_S:g} s"


def _answer(ports: Ports) -> str | None:
    try:
        found = ask(ports, f"models/{NAME}/infer", QUESTION)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as problem:
        return f"a model loads but does not answer: {problem}"
    answer = {output["name"]: output["data"] for output in found["outputs"]}
    return None if answer == ANSWER else f"a model answers {answer}"


def ask(ports: Ports, path: str, question: object) -> Any:
    """Return what Triton's HTTP endpoint answers, past any proxy."""
    body = json.dumps(question).encode()
    request = urllib.request.Request(f"http://{LOOPBACK}:{ports.http}/v2/{path}", data=body)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def verdict(index: list[dict[str, str]]) -> str | None:
    """Return why the model is not ready by Triton's repository index; None if it is."""
    found = next((entry for entry in index if entry.get("name") == NAME), {})
    if found.get("state") == "READY":
        return None
    return gist(found.get("reason", "")) or "the model did not load"


def gist(reason: str) -> str:
    """Return the line of a traceback that says what went wrong."""
    lines = re.findall(r"(?:Original error was: |\b\w*Error: )([^\n;]+)", reason)
    return lines[-1][:GIST_CHARACTERS].strip() if lines else " ".join(reason.split())[:GIST_CHARACTERS]
