"""Models on a Triton Inference Server: decoupled streaming over gRPC."""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from service.adapters.cards import find_card
from service.adapters.triton_streams import Heard, Stream, Streams, request
from service.adapters.wire import Listener, Tensors, encode, usage_of, who_are_you
from service.adapters.wire_images import answer_of, encode_look, which_are_you
from service.domain.algorithm import Card
from service.domain.errors import Misconfigured, Refused, Unavailable, Unclear
from service.ports.halt import Halt, Halted
from service.ports.image_models import ImageAnswer, ImageQuestion
from service.ports.models import Answer, Question, ServedModel, ServerState

_READY_TIMEOUT_S = 2.0
_END_TIMEOUT_S = 5.0
"""How long Triton may take, after a model's last response, to say that it was the last."""
_PROVIDER_FOR_S = 30.0
"""How long what a model said of its execution provider is believed; it changes only when the model is loaded anew."""
_LOAD_TIMEOUT_S = 120.0
_LOAD_AGAIN_AFTER_S = 10.0
_LOAD_UNLOADED_AFTER_S = 60.0
"""The same for a model that is not loaded: it may be one that cannot be."""
_BACKEND_DIED = "is not healthy"
"""Triton's words for a model of the Python backend whose process died or does not move."""
_UNLOADED = "has no available versions"
"""Its words for a model that is not loaded: whoever had it loaded again may have died in between."""
_GIST = 160
"""Characters of a gRPC message that a person may have to read."""
_REASON = 600
"""Characters of the reason why a model did not load; it ends with the remedy."""
_BREACH = "the request breaks the contract: "
"""Errors on a stream carry no status; only what begins so is final. A model out of memory may answer the next time."""
_OTHER_VERSION = "contract version "
"""How a breach goes on where only one of the two was updated; what is asked then is not lost."""
_AWAY = (
    "unavailable",
    "deadline",
    "resource_exhausted",
    "cancelled",
    "failed to connect",
    "exceeds maximum queue",
    "not healthy",
    "no longer in valid state",  # the stream broke before the question was on it
)

_LOOKED = ("NAMES", "PROBABILITIES", "BOXES", "MASK", "FINISH", "USAGE")

log = structlog.get_logger("preread.models")


class TritonModels:
    """The port `Models` over gRPC. Streams open on the first question, as many as are asked at once."""

    def __init__(self, url: str, repositories: tuple[Path, ...]) -> None:
        self._url = url
        self._repositories = repositories
        self._streams = Streams(url)
        self._loading = threading.Lock()
        self._loaded: dict[tuple[str, bool], float] = {}
        self._providers: dict[str, tuple[float, str]] = {}
        atexit.register(self.close)

    def ask(
        self, question: Question, *, on_text: Callable[[str], None] | None = None, halt: Halt | None = None
    ) -> Answer:
        listener = Listener(on_text)
        with closing(self._responses(question.model, encode(question), question.timeout_s, halt)) as responses:
            for result in responses:
                listener.hear(
                    texts=_received(result, "TEXT"),
                    logprobs=[float(value) for value in np.atleast_1d(_received(result, "LOGPROBS"))],
                    finish=_first(result.as_numpy("FINISH")),
                    usage=_first(result.as_numpy("USAGE")),
                )
        return listener.answer()

    def look(self, question: ImageQuestion) -> ImageAnswer:
        last = None
        with closing(self._responses(question.model, encode_look(question), question.timeout_s)) as responses:
            for result in responses:
                last = result
        if last is None:
            raise Unclear("the model's stream ended without a last response")
        return answer_of(question, {name: _received(last, name) for name in _LOOKED})

    def card(self, model: str) -> Card:
        return find_card(model, self._repositories)

    def state(self) -> ServerState:
        # A client of its own, closed: an open channel to a server that is starting held up the interpreter's exit.
        try:
            with triton.InferenceServerClient(self._url) as client:
                metadata = client.get_server_metadata(client_timeout=_READY_TIMEOUT_S)
                index = client.get_model_repository_index(client_timeout=_READY_TIMEOUT_S)
                engine = f"Triton {metadata.version}"
                models = tuple(self._served(found, engine) for found in index.models if found.state)
        except InferenceServerException as error:
            return ServerState(ready=False, engine="Triton", reason=f"no answer from {self._url}: {error.message()}")
        return ServerState(ready=all(m.ready for m in models), engine=engine, models=models)

    def close(self) -> None:
        """Close the connection; the next question opens a new one."""
        self._streams.close()

    def _responses(self, model: str, tensors: Tensors, timeout_s: float, halt: Halt | None = None) -> Generator[Any]:
        """Ask, and yield every response up to the one with FINISH. Close it to cancel what is left."""
        try:
            yield from _responses(self._streams, model, tensors, timeout_s, halt)
        except InferenceServerException as error:
            if any(words in str(error.message()) for words in (_BACKEND_DIED, _UNLOADED)):
                self._load_again(model, unload=_BACKEND_DIED in str(error.message()))
            raise _told(model, error) from error

    def _served(self, found: Any, engine: str) -> ServedModel:
        ready = found.state == "READY"
        return ServedModel(
            name=found.name,
            version=found.version,
            ready=ready,
            engine=engine,
            provider=self._provider(found.name) if ready else "",
            reason="" if ready else _gist(found.reason, _REASON),
        )

    def _provider(self, model: str) -> str:
        """What `model` says it runs on, at most _PROVIDER_FOR_S old: Triton itself cannot know."""
        asked_at, provider = self._providers.get(model, (-_PROVIDER_FOR_S, ""))
        if time.monotonic() - asked_at >= _PROVIDER_FOR_S:
            provider = _ask_provider(self._streams, model, self._who(model))
            self._providers[model] = time.monotonic(), provider
        return provider

    def _who(self, model: str) -> Tensors:
        """The tensors that ask a model who it is, in the contract that it speaks."""
        try:
            image = self.card(model).image
        except Misconfigured:  # a model of others beside ours
            image = None
        return which_are_you(image) if image else who_are_you(model)

    def _load_again(self, model: str, *, unload: bool) -> None:
        """Have Triton start the process of `model` anew: by itself it leaves a dead one so, and calls it ready.

        `unload` it before where it is loaded: loading alone may change nothing. Needs --model-control-mode=explicit.
        See knowledge.md, "silent model servers".
        """
        asked, pause_s = (model, unload), _LOAD_AGAIN_AFTER_S if unload else _LOAD_UNLOADED_AFTER_S
        with self._loading:
            if time.monotonic() - self._loaded.get(asked, -pause_s) < pause_s:
                return
            try:
                with triton.InferenceServerClient(self._url) as client:
                    if unload:
                        client.unload_model(model, client_timeout=_LOAD_TIMEOUT_S)
                    client.load_model(model, client_timeout=_LOAD_TIMEOUT_S)
            except InferenceServerException as error:
                log.warning("model cannot be loaded again: restart Triton", model=model, reason=error.message())
            else:
                log.warning("model loaded again: its process had died, or it was unloaded", model=model)
            self._loaded[asked] = time.monotonic()


def _responses(
    streams: Streams, model: str, tensors: Tensors, timeout_s: float, halt: Halt | None = None
) -> Generator[Any]:
    """Ask, and yield every response up to the one with FINISH; what is not wanted is cancelled.

    A stream whose answer has ended is kept and not cancelled: Triton (2.51) has been seen to die of a cancellation that
    comes while it ends one (knowledge.md).
    """
    asked = request(model, tensors)
    stream = streams.take()
    try:
        heard = stream.ask(asked)
        if halt:
            halt.then(partial(heard.put, (None, None)))
        yield from _listen(model, heard, timeout_s)
        _await_end(stream, heard)
    finally:
        streams.give(stream)


def _listen(model: str, heard: Heard, timeout_s: float) -> Iterator[Any]:
    """Yield every response up to the one with FINISH."""
    until = time.monotonic() + timeout_s + _END_TIMEOUT_S  # the model keeps the deadline; one that hangs does not
    finish = ""
    while not finish:
        try:
            result, error = heard.get(timeout=min(timeout_s, max(until - time.monotonic(), 0)))
        except queue.Empty as empty:
            raise Unavailable(f"{model} was silent for {timeout_s:g} s") from empty
        if error is not None:
            raise error
        if result is None:
            raise Halted
        said = result.as_numpy("FINISH")
        if said is None:  # the empty final response came without one
            return
        finish = _first(said)
        yield result


def _await_end(stream: Stream, heard: Heard) -> None:
    """Wait until Triton is done with the question: a model of before says so in a response of its own.

    Whoever takes the question back now comes too late.
    """
    until = time.monotonic() + _END_TIMEOUT_S
    with suppress(queue.Empty):
        while not stream.answered:
            heard.get(timeout=max(until - time.monotonic(), 0))


def _ask_provider(streams: Streams, model: str, tensors: Tensors) -> str:
    """The execution provider that `model` names; "" for one that does not speak the contract, or is silent."""
    try:
        *_, last = _responses(streams, model, tensors, _READY_TIMEOUT_S)
        return str(usage_of(_first(last.as_numpy("USAGE"))).get("execution_provider", ""))
    except (InferenceServerException, Unavailable, Unclear, ValueError):
        return ""


def _first(tensor: Any) -> str:
    if tensor is None or not len(tensor):
        raise Unclear("a response lacks a tensor of the contract")
    value = tensor[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def _received(result: Any, name: str) -> Any:
    """One output: numbers as an array, BYTES as a list of text. Raises Unclear where there is none."""
    tensor = result.as_numpy(name)
    if tensor is None:
        raise Unclear(f"the model's last response lacks {name}")
    if tensor.dtype != np.object_:
        return tensor
    return [value.decode() if isinstance(value, bytes) else str(value) for value in tensor.ravel()]


def _gist(message: str, most: int = _GIST) -> str:
    return " ".join(message.split())[:most]


def _told(model: str, error: InferenceServerException) -> Exception:
    """The error tree's word for what Triton said."""
    status, message = str(error.status() or ""), str(error.message() or "")
    gist = _gist(message or status)
    if message.startswith(_BREACH + _OTHER_VERSION):
        return Unavailable(
            f"{model} and this service are of different releases: update the one that is older", detail=gist
        )
    if message.startswith(_BREACH):
        return Refused(f"{model} refused the question: {message.removeprefix(_BREACH)}")
    if any(word in f"{status} {message}".lower() for word in _AWAY):
        return Unavailable("the model server is away", detail=gist)
    if "not found" in message or "not ready" in message or "unknown model" in message.lower():
        return Unavailable(f"{model} is not served right now", detail=gist)
    return Unavailable(f"{model} failed", detail=gist)
