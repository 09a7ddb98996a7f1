"""Triton leaves a Python model whose process died as it is, and calls it ready: the adapter has it loaded again, as it
has one that was unloaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tritonclient.grpc import InferenceServerClient

from service.domain.errors import Unavailable
from service.ports.finish import Finish
from service.ports.models import Question
from tests.support.installation import REPOSITORY
from tests.support.triton_server import TritonServer, serving
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

QUESTION = Question(model="chest_demo", parts=("Write the report.",), max_tokens=3, timeout_s=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    with serving(tmp_path_factory.mktemp("triton"), REPOSITORY / "triton_models", ["chest_demo"]) as found:
        yield found


@pytest.mark.parametrize("how", ["kill", "suspend"])
def test_a_model_whose_process_is_gone_or_stands_still_answers_again(server: TritonServer, how: str) -> None:
    assert server.models.ask(QUESTION).finish is Finish.LENGTH
    for stub in server.stubs():
        getattr(stub, how)()
    with pytest.raises(Unavailable, match="away"):
        server.models.ask(QUESTION)
    took_s = wait_for(lambda: _answers(server), 120, "the model does not come back")
    print(f"{how}: back after {took_s:.1f} s")


def test_a_model_that_was_unloaded_is_loaded_by_the_next_question(server: TritonServer) -> None:
    """Whoever had it loaded again may have been killed between the two calls."""
    with InferenceServerClient(f"127.0.0.1:{server.ports.grpc}") as client:
        client.unload_model("chest_demo")
        wait_for(lambda: not client.is_model_ready("chest_demo"), 30, "it stays loaded")
    with pytest.raises(Unavailable, match="not served"):
        server.models.ask(QUESTION)
    wait_for(lambda: _answers(server), 120, "the model does not come back")


def test_a_server_that_is_told_to_end_does_so_although_it_was_just_asked(server: TritonServer) -> None:
    assert server.models.ask(QUESTION).finish is Finish.LENGTH
    server.process.terminate()
    server.process.wait(10)  # with a stream that stays open it never ends
    with pytest.raises(Unavailable, match="away"):
        server.models.ask(QUESTION)


def _answers(server: TritonServer) -> bool:
    try:
        return server.models.ask(QUESTION).finish is Finish.LENGTH
    except Unavailable:
        return False
