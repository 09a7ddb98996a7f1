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

from engine import device as devices
from engine.folder import ModelError
from engine.sessions import open_session
from engine.turns import Stop

NO_CONFIG = "genai_config.json"
"""Names the device of a model that writes text; beside an image model there is none."""
ASK_EVERY_S = 0.05
"""How often a run that goes on is asked to end."""
TYPES = {"tensor(float)": np.dtype(np.float32), "tensor(float16)": np.dtype(np.float16)}
"""Inputs that an image can be given as."""


class Stopped(Exception):
    """The run was told to end; the text is why."""


class Session:
    """A loaded graph with one input."""

    def __init__(self, file: Path, *, model: str, threads: int, device: str) -> None:
        """Load `file` of `model` with so many threads on `device` (cpu, cuda; empty: the CPU). Raises ModelError."""
        if not file.is_file():
            raise ModelError(f"{model}: {file.name} is missing: put it beside preread.json")
        self._model = model
        try:
            self._session = open_session(file, threads=threads, device=devices.wanted(device, file.parent / NO_CONFIG))
        except Exception as e:  # the runtime's own kinds
            raise ModelError(f"{model}: {file.name} could not be loaded: {e}{devices.remedy(device)}") from e
        self.provider = self._session.get_providers()[0]
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in TYPES:
            found = ", ".join(f"{one.name} {one.type}" for one in inputs) or "none"
            raise ModelError(f"{model}: the graph's inputs are {found}; it must have one, of float32 or float16")
        self.input, self.dtype = inputs[0].name, TYPES[inputs[0].type]
        self.shape: list[Any] = inputs[0].shape
        self.outputs = tuple(one.name for one in self._session.get_outputs())

    def run(self, given: NDArray[np.float32], stop: Stop) -> Mapping[str, NDArray[Any]]:
        """Return every output by its name. Raises Stopped, ModelError for what the runtime cannot run.

        `stop` is asked before, and all the time while the graph runs.
        """
        if why := stop():
            raise Stopped(why)
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
            raise ModelError(f"{self._model}: the graph could not be run: {e}") from e
        finally:
            ended.set()
            watcher.join()
        return dict(zip(self.outputs, outputs, strict=True))
