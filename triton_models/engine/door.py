"""Triton's door to the engine: tensors in, streamed tensors out (deploy/docs/model-contract.md).

Every model folder has this file as `model.py`; the one beside the engine is where it is copied from.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

# Triton's stub ignores PYTHONPATH and knows only its own interpreter's packages, perhaps without NumPy.
sys.path[:0] = filter(None, os.environ.get("PREREAD_SITE_PACKAGES", "").split(os.pathsep))

import numpy as np  # noqa: E402 - found on the paths above
import triton_python_backend_utils as pb  # noqa: E402 - imports NumPy


class TritonPythonModel:
    """One model folder behind Triton's Python backend, decoupled."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model; an exception here is Triton's reason for not serving it."""
        _check_numpy()
        given = json.loads(args["model_config"])["parameters"]
        settings = {key: value["string_value"] for key, value in given.items()}
        model = Path(args["model_repository"])
        sys.path.insert(0, settings["engine_parent"] or str(model.parent))
        from engine import contract, engines, stall, turns

        self._contract = contract
        self._stopper = turns.stopper
        on_gpu = "cuda" if args["model_instance_kind"] == "GPU" else ""
        device = settings.get("device") or on_gpu or os.environ.get("PREREAD_MODELS__DEVICE", "")
        self._stall = stall.Stall(float(settings["silent_s"]))
        self._engine = engines.load(
            model, threads=int(settings["threads"]) or None, device=device, moved=self._stall.moved
        )
        self._turns = turns.Turns(int(settings["concurrency"]))

    def execute(self, requests: list[Any]) -> None:
        """Take each request in its turn; its answers go through its response sender."""
        for request in requests:
            # The request's memory is Triton's and ends with this call.
            tensors = {tensor.name(): tensor.as_numpy().copy() for tensor in request.inputs()}
            self._take(tensors, request.get_response_sender())

    def finalize(self) -> None:
        """Let the open answers end."""
        self._turns.close()

    def _take(self, tensors: dict[str, Any], sender: Any) -> None:
        try:
            asked = self._engine.parse(tensors)
        except self._contract.ContractError as e:
            self._refuse(sender, e)
            return
        stop = self._stopper(sender.is_cancelled, asked.deadline_s)
        self._turns.submit(asked.priority, partial(self._answer, asked, stop, sender), over=bool(stop()))

    def _answer(self, asked: Any, stop: Any, sender: Any) -> None:
        with self._stall.answering():
            last = 0
            try:
                for chunk in self._engine.generate(asked, stop):
                    outputs = self._engine.encode(chunk).items()
                    response = pb.InferenceResponse([pb.Tensor(name, value) for name, value in outputs])
                    # The last response says that it is: an empty one behind it would cost as much again.
                    last = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL if chunk.finish else 0
                    sender.send(response, last)
                    self._stall.moved()
                if not last:
                    sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
            except self._contract.ContractError as e:
                self._refuse(sender, e)
            except Exception as e:  # the boundary: whatever it was, the client hears of it
                _fail(sender, f"{type(e).__name__}: {e}", pb.TritonError.INTERNAL)

    def _refuse(self, sender: Any, breach: Exception) -> None:
        _fail(sender, f"{self._contract.BREACH}{breach}", pb.TritonError.INVALID_ARG)


def _fail(sender: Any, why: str, kind: int) -> None:
    sender.send(pb.InferenceResponse(error=pb.TritonError(why, kind)), pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _check_numpy() -> None:
    # Stubs built before NumPy 2 (Triton 2.51 is one) then hand over the first element again and again, and
    # end at the first text. NumPy 1.26 first in PREREAD_SITE_PACKAGES makes them right.
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        probe = pb.Tensor.from_dlpack("probe", np.array([1, 2], np.uint8)).as_numpy()
        if probe.tolist() != [1, 2]:
            raise RuntimeError(
                f"this Triton's Python stub cannot pass tensors with NumPy {np.__version__}: "
                "put a folder with NumPy 1.26 first in PREREAD_SITE_PACKAGES"
            )
