"""Streams to Triton that stay open from one question to the next: opening one costs more than asking on it.

    taken -> asked -> the answer's last response -> given back -> taken ... -> nobody asks for IDLE_S: closed
                   -> taken back, failed, silent -> dropped, which cancels what is left

Each has one question at a time. gRPC's own thread waits in `_requests` for what to send, one of ours in `_listen` for
what comes; both are daemons, so neither holds up the interpreter's exit.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

from service.adapters.forks import after_fork
from service.adapters.wire import datatype_of

IDLE_S = 0.5
"""How long a stream waits for the next question. A Triton that is told to end does not end before its streams do, and
is killed after 4 s (knowledge.md, "a model server that does not end")."""
IDLE_MOST = 8
"""How many wait at once; more are closed at once."""
CLOSE_S = 2.0
"""How long `close` waits for the server to end what is idle."""
_RECONNECT_MS = 1000
"""A server that comes back is found within a second; gRPC's own pause grows to two minutes."""
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
)

Heard = queue.SimpleQueue[tuple[Any, Exception | None]]
"""What came for one question: a result or an error; neither where it was taken back."""


class Streams:
    """Those of one process to one server. Thread-safe; opens on first use, and anew in a forked child."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._inherited: list[Any] = []
        self._lock = threading.Lock()
        self._channel: Any = None
        self._idle: list[Stream] = []
        after_fork(weakref.WeakMethod(self._leave_to_parent))

    def take(self) -> Stream:
        """A stream that is asked nothing; the one that was used last."""
        with self._lock:
            while self._idle:
                stream = self._idle.pop()
                if stream.open:
                    return stream
            if self._channel is None:
                self._channel = grpc.insecure_channel(self._url, options=_OPTIONS)
            channel = self._channel
        return Stream(channel, self)

    def give(self, stream: Stream) -> None:
        """Have it back; what was asked on it and is not answered is cancelled."""
        if not stream.answered:
            stream.drop()
            return
        with self._lock:
            if stream.channel is self._channel and len(self._idle) < IDLE_MOST:
                stream.idle_since = time.monotonic()
                self._idle.append(stream)
                return
        stream.end()

    def patience_s(self, stream: Stream) -> float:
        """How long `stream` is still to wait for a question; 0 if it is to end, and is no longer among those here."""
        with self._lock:
            if stream not in self._idle:
                return IDLE_S
            left = stream.idle_since + IDLE_S - time.monotonic()
            if left <= 0:
                self._idle.remove(stream)
            return max(left, 0.0)

    def close(self) -> None:
        """End what is idle, then cancel the rest; the next question opens anew."""
        with self._lock:
            idle, self._idle = self._idle, []
            channel, self._channel = self._channel, None
        for stream in idle:
            stream.end()
        until = time.monotonic() + CLOSE_S
        for stream in idle:
            stream.wait(until - time.monotonic())
        if channel is not None:
            channel.close()

    def _leave_to_parent(self) -> None:
        """In a forked child: gRPC's threads are not here, and its objects would wait for them when they are let go."""
        self._inherited += [self._channel, self._idle]
        self._lock, self._channel, self._idle = threading.Lock(), None, []


class Stream:
    """One call of ModelStreamInfer."""

    _numbers = itertools.count(1)

    def __init__(self, channel: Any, streams: Streams) -> None:
        self.channel = channel
        self.idle_since = 0.0
        self.answered = True
        """Whether the server is done with what was asked: it is cancelled otherwise, and never when it is."""
        self._streams = streams
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heard: Heard = queue.SimpleQueue()
        self._number = ""
        self._over: Exception | None = None
        self._call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(self._requests())
        self._listener = threading.Thread(target=self._listen, name="triton stream", daemon=True)
        self._listener.start()

    @property
    def open(self) -> bool:
        """Whether it can be asked; the server may have left."""
        return self._over is None and bool(self._call.is_active())

    def ask(self, request: Any) -> Heard:
        """Send `request`, and return where the responses come, or the error."""
        heard: Heard = queue.SimpleQueue()
        request.id = self._number = str(next(self._numbers))
        self._heard, self.answered = heard, False
        self._asked.put(request)
        if self._over:  # it ended before anybody listened
            heard.put((None, self._over))
        return heard

    def end(self) -> None:
        """Close it, and let the server end it in its own time; only for one that is asked nothing."""
        self._asked.put(None)

    def drop(self) -> None:
        """Cancel what is asked on it."""
        self._call.cancel()
        self._asked.put(None)

    def wait(self, timeout_s: float) -> None:
        """Wait until it is closed on both sides."""
        self._listener.join(max(timeout_s, 0.0))

    def _requests(self) -> Iterator[Any]:
        patience_s = IDLE_S
        while patience_s:
            try:
                request = self._asked.get(timeout=patience_s)
            except queue.Empty:
                patience_s = 0.0 if self._over else self._streams.patience_s(self)
                continue
            if request is None:
                return
            patience_s = IDLE_S
            yield request

    def _listen(self) -> None:
        over = InferenceServerException("the stream is no longer in valid state")
        try:
            for response in self._call:
                self._tell(response)
        except grpc.RpcError as error:
            over = InferenceServerException(error.details(), status=str(error.code()))
        self._over = over
        self._heard.put((None, over))

    def _tell(self, response: Any) -> None:
        said = response.infer_response
        if said.id != self._number:  # nobody hears an answer to another question, whatever the server does
            return
        last = said.parameters.get("triton_final_response")
        if response.error_message:  # a question that Triton itself refused has no last response
            self.answered = last is None or last.bool_param
            self._heard.put((None, InferenceServerException(response.error_message)))
        else:
            self.answered = last is not None and last.bool_param
            self._heard.put((InferResult(said), None))


def request(model: str, tensors: Mapping[str, NDArray[Any]]) -> Any:
    """What a stream is asked; it will say when nothing more comes."""
    asked = service_pb2.ModelInferRequest(model_name=model)
    for name, tensor in tensors.items():
        asked.inputs.add(name=name, datatype=datatype_of(tensor), shape=tensor.shape)
        raw = serialize_byte_tensor(tensor).item() if tensor.dtype == np.object_ else tensor.tobytes()
        asked.raw_input_contents.append(raw)
    asked.parameters["triton_enable_empty_final_response"].bool_param = True
    return asked
