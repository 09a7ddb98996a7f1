"""Streams to Triton are kept from one question to the next; the server here is a gRPC server of a few lines."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import serialize_byte_tensor

from service.adapters import triton_streams
from service.adapters.models_triton import TritonModels
from service.domain.errors import Refused, Unavailable
from service.ports.halt import Halt, Halted
from service.ports.models import Question
from tests.support.installation import wait_for

USAGE = '{"model": "m", "version": "1", "digest": "d"}'


def question(said: str, *, timeout_s: float = 10) -> Question:
    return Question(model="m", parts=(said,), max_tokens=9, timeout_s=timeout_s)


def response(asked: Any, text: str = "", finish: str = "", *, last: bool | None = None) -> Any:
    """One response; without `last` as the server says it, at the finish."""
    said = service_pb2.ModelInferResponse(model_name=asked.model_name, id=asked.id)
    tensors = {
        "TEXT": np.array([text.encode()], np.object_),
        "LOGPROBS": np.array([-0.5], np.float32),
        "FINISH": np.array([finish.encode()], np.object_),
        "USAGE": np.array([(USAGE if finish else "").encode()], np.object_),
    }
    for name, tensor in tensors.items():
        texts = tensor.dtype == np.object_
        said.outputs.add(name=name, datatype="BYTES" if texts else "FP32", shape=tensor.shape)
        said.raw_output_contents.append(serialize_byte_tensor(tensor).item() if texts else tensor.tobytes())
    said.parameters["triton_final_response"].bool_param = bool(finish) if last is None else last
    return service_pb2.ModelStreamInferResponse(infer_response=said)


def error(asked: Any, why: str) -> Any:
    said = service_pb2.ModelInferResponse(id=asked.id)
    said.parameters["triton_final_response"].bool_param = True
    return service_pb2.ModelStreamInferResponse(error_message=why, infer_response=said)


def empty(asked: Any) -> Any:
    said = service_pb2.ModelInferResponse(id=asked.id)
    said.parameters["triton_final_response"].bool_param = True
    return service_pb2.ModelStreamInferResponse(infer_response=said)


def echo(asked: Any) -> Iterator[Any]:
    """Two pieces: the beginning, and what was asked."""
    yield response(asked, "you said ")
    yield response(asked, words(asked), "stop")


def words(asked: Any) -> str:
    raw = asked.raw_input_contents[[one.name for one in asked.inputs].index("REQUEST")]
    return str(raw[4:].decode()).split('"text": "')[1].split('"')[0]


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Answers by `answers`, and counts the streams that were opened, that the client closed, and that it cancelled."""

    def __init__(self) -> None:
        self.answers: Callable[[Any], Iterator[Any]] = echo
        self.streams: Counter[str] = Counter()
        self.models: TritonModels
        self._server: Any = None
        self.port = self.start(0)

    def start(self, port: int) -> int:
        self._server = grpc.server(ThreadPoolExecutor(12))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        found = int(self._server.add_insecure_port(f"127.0.0.1:{port}"))
        self._server.start()
        return found

    def stop(self) -> None:
        self._server.stop(0).wait()

    def ModelStreamInfer(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        self.streams["opened"] += 1
        closed: list[bool] = []
        context.add_callback(lambda: self.streams.update(["closed" if closed else "cancelled"]))
        with suppress(grpc.RpcError):  # what reading a cancelled stream raises
            for asked in requests:
                yield from self.answers(asked)
            closed.append(True)


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    served.models = TritonModels(f"127.0.0.1:{served.port}", ())
    yield served
    served.models.close()
    served.stop()


def test_questions_one_after_another_go_over_one_stream(server: Server) -> None:
    for number in range(5):
        assert server.models.ask(question(f"no. {number}")).text == f"you said no. {number}"
    assert server.streams == {"opened": 1}


def test_what_is_asked_at_once_has_streams_of_its_own_and_each_its_own_answer(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: server.models.ask(question(f"no. {number}")).text, range(80)))
    assert answers == [f"you said no. {number}" for number in range(80)]
    assert 1 <= server.streams["opened"] <= 8
    assert server.streams["cancelled"] == 0


def test_a_model_that_says_the_end_in_a_response_of_its_own_keeps_its_stream_too(server: Server) -> None:
    def answers(asked: Any) -> Iterator[Any]:
        yield response(asked, words(asked), "stop", last=False)
        yield empty(asked)

    server.answers = answers
    assert [server.models.ask(question(said)).text for said in "ab"] == ["a", "b"]
    assert server.streams == {"opened": 1}


def test_an_answer_to_another_question_is_never_heard(server: Server) -> None:
    def answers(asked: Any) -> Iterator[Any]:
        other = service_pb2.ModelInferRequest(model_name="m", id="another")
        yield response(other, "somebody else's", "stop")
        yield from echo(asked)

    server.answers = answers
    assert [server.models.ask(question(said)).text for said in "ab"] == ["you said a", "you said b"]


def test_a_refused_question_costs_neither_the_stream_nor_time(server: Server) -> None:
    server.answers = lambda asked: iter([error(asked, "the request breaks the contract: too long")])
    for _ in range(3):
        with pytest.raises(Refused, match="too long"):
            server.models.ask(question("x"))
    server.answers = echo
    assert server.models.ask(question("y")).text == "you said y"
    assert server.streams == {"opened": 1}


def test_a_question_that_is_taken_back_is_cancelled_and_the_next_one_has_a_stream_of_its_own(server: Server) -> None:
    gone, halt = threading.Event(), Halt()

    def answers(asked: Any) -> Iterator[Any]:
        yield response(asked, "beginning")
        gone.wait(5)
        yield response(asked, "never read", "stop")

    server.answers = answers
    with pytest.raises(Halted):
        server.models.ask(question("x"), on_text=lambda _: halt(), halt=halt)
    wait_for(lambda: server.streams["cancelled"] == 1, 5, "the server is not told")
    gone.set()
    server.answers = echo
    assert server.models.ask(question("y")).text == "you said y"
    assert server.streams["opened"] == 2


def test_a_question_taken_back_when_its_answer_has_ended_cancels_nothing_and_disturbs_no_other(server: Server) -> None:
    halts = [Halt() for _ in range(20)]
    for halt in halts:
        server.models.ask(question("x"), halt=halt)
        halt()
    assert server.models.ask(question("y")).text == "you said y"
    assert server.streams == {"opened": 1}


def test_a_silent_server_is_away_when_the_time_is_over(server: Server) -> None:
    over = threading.Event()
    server.answers = lambda asked: iter([over.wait(10)][:0])
    with pytest.raises(Unavailable, match=r"silent for 0.1 s"):
        server.models.ask(question("x", timeout_s=0.1))
    wait_for(lambda: server.streams["cancelled"] == 1, 5, "the server is not told")
    over.set()


def test_a_stream_that_nobody_asks_on_is_closed_and_not_cancelled(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton_streams, "IDLE_S", 0.05)
    server.models.ask(question("x"))
    wait_for(lambda: server.streams["closed"] == 1, 5, "it stays open")
    assert server.models.ask(question("y")).text == "you said y"
    assert server.streams["cancelled"] == 0


def test_close_closes_what_is_idle_and_a_later_question_opens_anew(server: Server) -> None:
    server.models.ask(question("x"))
    server.models.close()
    wait_for(lambda: server.streams["closed"] == 1, 5, "it stays open")
    assert server.models.ask(question("y")).text == "you said y"
    assert server.streams["cancelled"] == 0


def test_a_server_that_was_started_anew_between_two_questions_costs_neither(server: Server) -> None:
    for number in range(3):
        assert server.models.ask(question(f"no. {number}")).text == f"you said no. {number}"
        server.stop()
        server.start(server.port)


def test_a_stream_whose_server_has_gone_leaves_no_thread_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(threading.enumerate())
    monkeypatch.setattr(triton_streams, "IDLE_S", 0.05)
    for _ in range(3):
        server.models.ask(question("x"))
        server.stop()
        server.start(server.port)

    def left() -> list[str]:
        names = {"triton stream", "consume_request_iterator"}
        return [one.name for one in set(threading.enumerate()) - before if any(name in one.name for name in names)]

    wait_for(lambda: not left(), 5, "threads wait for nobody")


def test_a_server_that_goes_in_the_middle_of_an_answer_is_away(server: Server) -> None:
    def answers(asked: Any) -> Iterator[Any]:
        yield response(asked, "beginning")
        threading.Event().wait(0.3)

    server.answers = answers
    with pytest.raises(Unavailable, match="away"):
        server.models.ask(question("x"), on_text=lambda _: threading.Thread(target=server.stop).start())


ENDS = """
import os, sys
from service.adapters.models_triton import TritonModels
from service.ports.models import Question

models = TritonModels(sys.argv[1], ())
asked = Question(model="m", parts=("x",), max_tokens=9, timeout_s=10)
print(models.ask(asked).text, flush=True)
if os.fork() == 0:
    sys.exit(0)  # closes what is its own: nothing
assert os.wait()[1] == 0
print(models.ask(asked).text, flush=True)
"""


def test_an_idle_stream_holds_up_neither_the_interpreter_s_exit_nor_that_of_a_forked_child(server: Server) -> None:
    command = [sys.executable, "-c", ENDS, f"127.0.0.1:{server.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "you said x\n" * 2), done.stderr
