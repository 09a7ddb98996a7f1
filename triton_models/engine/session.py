"""One ONNX Runtime graph on the provider that was asked for, which can be stopped while it runs."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engine.folder import ModelError
from engine.turns import Stop

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ASK_EVERY_S = 0.05
"""How often a run that goes on is asked to end."""
TYPES = {"tensor(float)": np.dtype(np.float32), "tensor(float16)": np.dtype(np.float16)}
"""Inputs that an image can be given as."""


class Stopped(Exception):
    """The run was told to end; the text is why."""


class Session:
    """A loaded graph with one input."""

    def __init__(self, file: Path, *, threads: int, gpu: int | None) -> None:
        """Load `file` with so many threads, on the GPU of number `gpu` or on the CPU. Raises ModelError."""
        if not file.is_file():
            raise ModelError(f"{file.name} is missing: put it beside preread.json")
        self._session = _loaded(file, threads, gpu)
        self.provider = self._session.get_providers()[0]
        wanted = CPU if gpu is None else CUDA
        if self.provider != wanted:
            raise ModelError(
                f"{wanted} was asked for and the graph runs on {self.provider}: install onnxruntime-gpu with the CUDA "
                "libraries it names, or serve the model on the CPU"
            )
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in TYPES:
            found = ", ".join(f"{one.name} {one.type}" for one in inputs) or "none"
            raise ModelError(f"the graph's inputs are {found}; it must have one, of float32 or float16")
        self.input, self.dtype = inputs[0].name, TYPES[inputs[0].type]
        self.shape: list[Any] = inputs[0].shape
        self.outputs = tuple(one.name for one in self._session.get_outputs())

    def run(self, given: NDArray[np.float32], stop: Stop) -> Mapping[str, NDArray[Any]]:
        """Return every output by its name. Raises Stopped, ModelError for what the runtime cannot run."""
        options, ended = ort.RunOptions(), threading.Event()
        reason: list[str] = []

        def watch() -> None:
            while not ended.wait(ASK_EVERY_S):
                if why := stop():
                    reason.append(why)
                    options.terminate = True
                    return

        watcher = threading.Thread(target=watch, name="stop", daemon=True)
        watcher.start()
        try:
            outputs = self._session.run(None, {self.input: given.astype(self.dtype, copy=False)}, options)
        except Exception as e:  # the runtime's own kinds
            if reason:
                raise Stopped(reason[0]) from e
            raise ModelError(f"the graph could not be run: {e}") from e
        finally:
            ended.set()
            watcher.join()
        return dict(zip(self.outputs, outputs, strict=True))


def _loaded(file: Path, threads: int, gpu: int | None) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers: list[Any] = [CPU] if gpu is None else [(CUDA, {"device_id": gpu}), CPU]
    available = ort.get_available_providers()
    if gpu is not None and CUDA not in available:
        raise ModelError(
            f"{CUDA} was asked for and this onnxruntime has {', '.join(available)}: install onnxruntime-gpu in its "
            "place, or serve the model on the CPU"
        )
    try:
        return ort.InferenceSession(str(file), options, providers=providers)
    except Exception as e:  # the runtime's own kinds
        raise ModelError(f"{file.name} could not be loaded: {e}") from e
