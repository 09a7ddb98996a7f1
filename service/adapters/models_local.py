"""Models of the local engine: the same engine code without Triton, on a unix socket."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from service.adapters import frames
from service.adapters.cards import find_card
from service.adapters.wire import Listener, Tensors, encode
from service.adapters.wire_images import answer_of, encode_look
from service.domain.algorithm import Card
from service.domain.errors import Refused, Unavailable, Unclear
from service.ports.halt import Halt, Halted
from service.ports.image_models import ImageAnswer, ImageQuestion
from service.ports.models import Answer, Question, ServedModel, ServerState

ENGINE = "local engine, no Triton"
_HELLO_TIMEOUT_S = 2.0


class LocalModels:
    """The port `Models` over the local engine's socket; one connection per question."""

    def __init__(self, path: str, repositories: tuple[Path, ...]) -> None:
        self._path = path
        self._repositories = repositories

    def ask(
        self, question: Question, *, on_text: Callable[[str], None] | None = None, halt: Halt | None = None
    ) -> Answer:
        listener = Listener(on_text)
        with (
            _halted_by(halt),
            closing(self._responses(question.model, encode(question), question.timeout_s, halt)) as responses,
        ):
            for tensors in responses:
                listener.hear(
                    texts=_all(tensors, "TEXT"),
                    logprobs=[float(value) for value in _all(tensors, "LOGPROBS")],
                    finish=_one(tensors, "FINISH"),
                    usage=_one(tensors, "USAGE"),
                )
        return listener.answer()

    def look(self, question: ImageQuestion) -> ImageAnswer:
        *_, last = self._responses(question.model, encode_look(question), question.timeout_s)
        return answer_of(question, last)

    def card(self, model: str) -> Card:
        return find_card(model, self._repositories)

    def state(self) -> ServerState:
        try:
            with self._connected(_HELLO_TIMEOUT_S) as stream:
                hello = _hello(stream)
        except (Unavailable, Unclear) as error:
            return ServerState(ready=False, engine=ENGINE, reason=str(error))
        models = tuple(
            ServedModel(
                name=str(model.get("model")),
                version=str(model.get("version")),
                ready=True,
                engine=ENGINE,
                provider=str(model.get("execution_provider") or ""),
            )
            for model in hello
        )
        return ServerState(ready=bool(models), engine=ENGINE, models=models)

    def _responses(
        self, model: str, tensors: Tensors, timeout_s: float, halt: Halt | None = None
    ) -> Generator[frames.Received]:
        """Ask, and yield the tensors of every response up to the one with FINISH."""
        with self._connected(timeout_s, halt) as stream:
            _hello(stream)
            stream.write(frames.pack({"op": "infer", "id": "1", "model": model}, tensors))
            stream.flush()
            finish = ""
            while not finish:
                header, received = frames.read(stream)
                if header.get("op") == "error":
                    raise _told(model, header)
                finish = _one(received, "FINISH")
                yield received

    @contextmanager
    def _connected(self, timeout_s: float, halt: Halt | None = None) -> Iterator[BinaryIO]:
        """The connection; the engine gives up what it is asked as soon as it is left, which `halt` does."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(timeout_s)
                client.connect(self._path)
                if halt:
                    halt.then(partial(_leave, client))
                with client.makefile("rwb") as stream:
                    yield stream  # type: ignore[misc]  # BufferedRWPair is a BinaryIO in all that is used
        except TimeoutError as error:
            raise Unavailable(f"the local model server was silent for {timeout_s:g} s") from error
        except OSError as error:
            raise Unavailable("the local model server is away", detail=str(error.strerror or error)) from error


@contextmanager
def _halted_by(halt: Halt | None) -> Iterator[None]:
    """A connection that breaks because it was left is no failure."""
    try:
        yield
    except Unavailable as error:
        if halt and halt.halted:
            raise Halted from error
        raise


def _leave(client: socket.socket) -> None:
    with suppress(OSError):  # it is closed, or the server has left first
        client.shutdown(socket.SHUT_RDWR)


def _hello(stream: BinaryIO) -> list[dict[str, object]]:
    header, _ = frames.read(stream)
    models = header.get("models")
    if header.get("op") != "hello" or not isinstance(models, list):
        raise Unclear("the local model server did not say hello")
    return models


def _one(tensors: frames.Received, name: str) -> str:
    values = tensors.get(name)
    if not values:
        raise Unclear(f"a response lacks {name}")
    return str(values[0])


def _all(tensors: frames.Received, name: str) -> list[Any]:
    if name not in tensors:
        raise Unclear(f"a response lacks {name}")
    return list(tensors[name])


def _told(model: str, header: dict[str, object]) -> Exception:
    message = str(header.get("message"))
    if message.startswith("no model"):
        return Unavailable(f"{model} is not served right now", detail=message)
    if header.get("kind") == "engine":
        return Unavailable(f"{model} failed", detail=message)
    return Refused(f"{model} refused the question: {message}")
