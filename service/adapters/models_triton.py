"""Models on a Triton Inference Server: decoupled streaming over gRPC."""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from service.adapters.cards import find_card
from service.adapters.wire import TYPES, Listener, Tensors, encode, who_are_you
from service.domain.algorithm import Card
from service.domain.errors import Refused, Unavailable, Unclear
from service.ports.models import Answer, Question, ServedModel, ServerState

_READY_TIMEOUT_S = 2.0
_PROVIDER_FOR_S = 30.0
"""How long what a model said of its execution provider is believed; it changes only when the model is loaded anew."""
_LOAD_TIMEOUT_S = 120.0
_LOAD_AGAIN_AFTER_S = 10.0
_BACKEND_DIED = "is not healthy"
"""Triton's words for a model of the Python backend whose process died or does not move."""
_GIST = 160
"""Characters of a gRPC message that a person may have to read."""
_REASON = 600
"""Characters of the reason why a model did not load; it ends with the remedy."""
_BREACH = "the request breaks the contract: "
"""Errors on a stream carry no status; only what begins so is final. A model out of memory may answer the next time."""
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

Heard = queue.SimpleQueue[tuple[Any, InferenceServerException | None]]

log = structlog.get_logger("preread.models")


class TritonModels:
    """The port `Models` over gRPC. Connections open on the first question, one per thread."""

    def __init__(self, url: str, repositories: tuple[Path, ...]) -> None:
        self._url = url
        self._repositories = repositories
        self._local = threading.local()
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()  # a thread that ends takes its client along
        self._opening = threading.Lock()
        self._loading = threading.Lock()
        self._loaded: dict[str, float] = {}
        self._providers: dict[str, tuple[float, str]] = {}
        atexit.register(self.close)

    def ask(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        heard: Heard = queue.SimpleQueue()
        client = self._client()
        try:
            client.start_stream(lambda result, error: heard.put((result, error)), stream_timeout=question.timeout_s)
            client.async_stream_infer(question.model, _inputs(encode(question)), enable_empty_final_response=True)
            return _listen(question, heard, on_text).answer()
        except InferenceServerException as error:
            if _BACKEND_DIED in str(error.message()):
                self._load_again(question.model)
            raise _told(question.model, error) from error
        finally:
            client.stop_stream(cancel_requests=True)

    def card(self, model: str) -> Card:
        return find_card(model, self._repositories)

    def state(self) -> ServerState:
        # A client of its own, closed: an open channel to a server that is starting held up the interpreter's exit.
        try:
            with triton.InferenceServerClient(self._url) as client:
                metadata = client.get_server_metadata(client_timeout=_READY_TIMEOUT_S)
                index = client.get_model_repository_index(client_timeout=_READY_TIMEOUT_S)
                engine = f"Triton {metadata.version}"
                models = tuple(self._served(client, found, engine) for found in index.models if found.state)
        except InferenceServerException as error:
            return ServerState(ready=False, engine="Triton", reason=f"no answer from {self._url}: {error.message()}")
        return ServerState(ready=all(m.ready for m in models), engine=engine, models=models)

    def close(self) -> None:
        """Close every thread's connection; the next question of a thread opens a new one."""
        with self._opening:
            opened, self._local = list(self._opened), threading.local()
            self._opened.clear()
        for client in opened:
            client.close()

    def _served(self, client: Any, found: Any, engine: str) -> ServedModel:
        ready = found.state == "READY"
        return ServedModel(
            name=found.name,
            version=found.version,
            ready=ready,
            engine=engine,
            provider=self._provider(client, found.name) if ready else "",
            reason="" if ready else _gist(found.reason, _REASON),
        )

    def _provider(self, client: Any, model: str) -> str:
        """What `model` says it runs on, at most _PROVIDER_FOR_S old: Triton itself cannot know."""
        asked_at, provider = self._providers.get(model, (-_PROVIDER_FOR_S, ""))
        if time.monotonic() - asked_at >= _PROVIDER_FOR_S:
            provider = _ask_provider(client, model)
            self._providers[model] = time.monotonic(), provider
        return provider

    def _load_again(self, model: str) -> None:
        """Have Triton start the process of `model` anew: by itself it leaves a dead one so, and calls it ready.

        See knowledge.md, "silent model servers". Needs --model-control-mode=explicit.
        """
        with self._loading:
            if time.monotonic() - self._loaded.get(model, -_LOAD_AGAIN_AFTER_S) < _LOAD_AGAIN_AFTER_S:
                return
            try:
                with triton.InferenceServerClient(self._url) as client:
                    client.unload_model(model, client_timeout=_LOAD_TIMEOUT_S)  # loading alone may change nothing
                    client.load_model(model, client_timeout=_LOAD_TIMEOUT_S)
            except InferenceServerException as error:
                log.warning("model cannot be loaded again: restart Triton", model=model, reason=error.message())
            else:
                log.warning("model loaded again: its process had died", model=model)
            self._loaded[model] = time.monotonic()

    def _client(self) -> Any:
        if not hasattr(self._local, "client"):
            self._local.client = triton.InferenceServerClient(self._url)
            with self._opening:
                self._opened.add(self._local.client)
        return self._local.client


def _inputs(tensors: Tensors) -> list[Any]:
    inputs = []
    for name, tensor in tensors.items():
        entry = triton.InferInput(name, list(tensor.shape), TYPES[name])
        entry.set_data_from_numpy(tensor)
        inputs.append(entry)
    return inputs


def _listen(
    question: Question,
    heard: Heard,
    on_text: Callable[[str], None] | None,
) -> Listener:
    listener = Listener(on_text)
    while not listener.finish:
        try:
            result, error = heard.get(timeout=question.timeout_s)
        except queue.Empty as empty:
            raise Unavailable(f"{question.model} was silent for {question.timeout_s:g} s") from empty
        if error is not None:
            raise error
        texts = result.as_numpy("TEXT")
        if texts is None:
            break
        listener.hear(
            text=_first(texts),
            logprobs=[float(value) for value in np.atleast_1d(result.as_numpy("LOGPROBS"))],
            finish=_first(result.as_numpy("FINISH")),
            usage=_first(result.as_numpy("USAGE")),
        )
    return listener


def _ask_provider(client: Any, model: str) -> str:
    """The execution provider that `model` names; "" for one that does not speak the contract, or is silent."""
    heard: Heard = queue.SimpleQueue()
    question = Question(model=model, parts=(), timeout_s=_READY_TIMEOUT_S)
    try:
        client.start_stream(lambda result, error: heard.put((result, error)), stream_timeout=_READY_TIMEOUT_S)
        client.async_stream_infer(model, _inputs(who_are_you(model)), enable_empty_final_response=True)
        return str(_listen(question, heard, None).usage.get("execution_provider", ""))
    except (InferenceServerException, Unavailable, Unclear):
        return ""
    finally:
        client.stop_stream(cancel_requests=True)


def _first(tensor: Any) -> str:
    if tensor is None or not len(tensor):
        raise Unclear("a response lacks a tensor of the contract")
    value = tensor[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def _gist(message: str, most: int = _GIST) -> str:
    return " ".join(message.split())[:most]


def _told(model: str, error: InferenceServerException) -> Exception:
    """The error tree's word for what Triton said."""
    status, message = str(error.status() or ""), str(error.message() or "")
    gist = _gist(message or status)
    if message.startswith(_BREACH):
        return Refused(f"{model} refused the question: {message.removeprefix(_BREACH)}")
    if any(word in f"{status} {message}".lower() for word in _AWAY):
        return Unavailable("the model server is away", detail=gist)
    if "not found" in message or "not ready" in message or "unknown model" in message.lower():
        return Unavailable(f"{model} is not served right now", detail=gist)
    return Unavailable(f"{model} failed", detail=gist)
