"""The embedded Redis and Triton, really started, really killed."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import redis as redis_py
import tritonclient.grpc as grpc

from service.embedded import redis, triton
from service.embedded.folders import SOCKET_PATH_BYTES, cache_folder, socket_path
from service.embedded.keep import ORDERS, SHARED_MEMORY, Orders
from service.embedded.missing import Missing
from service.embedded.ports import choose_free, is_free
from tests.support.processes import below, is_alive
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.e2e

CONFIG = """
name: "twice"
backend: "python"
input [ { name: "X" data_type: TYPE_FP32 dims: [-1] } ]
output [ { name: "Y" data_type: TYPE_FP32 dims: [-1] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
"""
MODEL = """
import os, sys
sys.path[:0] = filter(None, os.environ["PREREAD_SITE_PACKAGES"].split(os.pathsep))
import numpy as np
import onnxruntime_genai
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        numbers = [pb.get_input_tensor_by_name(request, "X").as_numpy() for request in requests]
        return [pb.InferenceResponse([pb.Tensor("Y", array * np.float32(2))]) for array in numbers]
"""


def answered(found: Callable[[], Any]) -> Any:
    """Return what `found` returns once it is true; connections that fail count as not yet."""

    def tried() -> Any:
        with suppress(OSError, httpx.HTTPError, redis_py.RedisError):
            return found()

    return eventually(tried)


def kept(orders: Orders, log: Path) -> subprocess.Popen[bytes]:
    """Start a keeper that ends with this test run."""
    carried = {**os.environ, ORDERS: orders.written()}
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "service.embedded.keep"], env=carried, stdout=out, stderr=out)


@pytest.fixture(params=["system", "wheel"])
def server(request: pytest.FixtureRequest) -> Path:
    cache = cache_folder(os.environ)
    try:
        found = redis.find(cache, print, **({} if request.param == "system" else {"which": lambda name: None}))
    except Missing as problem:
        pytest.skip(str(problem))
    if request.param == "system" and cache in found.parents:
        pytest.skip("no redis-server installed")
    return found


def test_redis_answers_on_its_socket_and_comes_back_when_killed(server: Path, tmp_path: Path) -> None:
    path = socket_path(tmp_path / "run", "redis.sock")
    keeper = kept(Orders(redis.command(server, socket=path, folder=tmp_path), os.getpid()), tmp_path / "log")
    try:
        with redis_py.Redis(unix_socket_path=str(path)) as client:
            assert answered(client.ping)
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            first = client.info("server")["process_id"]
            psutil.Process(first).kill()
            assert answered(lambda: client.info("server")["process_id"] != first)
        assert path.stat().st_mode & 0o077 == 0
        assert len(os.fsencode(path)) <= SOCKET_PATH_BYTES
    finally:
        keeper.terminate()
        assert keeper.wait(timeout=PATIENCE_S) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[triton.Ports, subprocess.Popen[bytes]]]:
    try:
        found = triton.install(cache_folder(os.environ), print)
    except Missing as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("triton")
    model = folder / "models" / "twice"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(CONFIG)
    (model / "1" / "model.py").write_text(MODEL)
    ports = triton.Ports(*choose_free(3))
    command = found.command(repositories=[folder / "models"], models=["twice", "absent"], ports=ports)
    prefix = triton.shared_memory_prefix(ports)
    environment = found.environment(os.environ)
    keeper = kept(Orders(command, os.getpid(), environment, shared_memory=prefix), folder / "log")
    yield ports, keeper
    keeper.terminate()
    assert keeper.wait(timeout=PATIENCE_S) == 0
    assert not list(SHARED_MEMORY.glob(f"{prefix}*"))


def twice(ports: triton.Ports, numbers: list[float]) -> list[float]:
    tensor = grpc.InferInput("X", [len(numbers)], "FP32").set_data_from_numpy(np.array(numbers, np.float32))
    with grpc.InferenceServerClient(f"127.0.0.1:{ports.grpc}") as client:
        answer = client.infer("twice", [tensor]).as_numpy("Y")
    assert answer is not None
    return [float(number) for number in answer]


def ready(ports: triton.Ports) -> bool:
    return httpx.get(f"http://127.0.0.1:{ports.http}/v2/models/twice/ready", trust_env=False).status_code == 200


@pytest.mark.slow
def test_triton_serves_a_model_with_our_packages_although_another_one_is_missing(
    served: tuple[triton.Ports, subprocess.Popen[bytes]],
) -> None:
    ports, _ = served
    assert answered(lambda: ready(ports))
    assert twice(ports, [1, 2, 3]) == [2, 4, 6]
    assert (
        httpx.get(f"http://127.0.0.1:{ports.metrics}/metrics", timeout=PATIENCE_S, trust_env=False).status_code == 200
    )


@pytest.mark.slow
def test_triton_comes_back_when_killed_and_its_stubs_do_not_stay(
    served: tuple[triton.Ports, subprocess.Popen[bytes]],
) -> None:
    ports, keeper = served
    assert answered(lambda: ready(ports))
    (server,) = below(keeper.pid, recursive=False)
    stubs = below(server.pid)
    assert stubs
    server.kill()
    eventually(lambda: not is_alive(server))
    assert answered(lambda: ready(ports))
    assert twice(ports, [21]) == [42]
    eventually(lambda: not any(map(is_alive, stubs)), what="a stub outlives its server")


def test_ports_that_were_chosen_are_free_and_one_that_is_used_is_not() -> None:

    chosen = choose_free(3)
    assert len(set(chosen)) == 3
    assert all(map(is_free, chosen))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", chosen[0]))
        listener.listen()
        assert not is_free(chosen[0])
