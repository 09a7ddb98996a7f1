"""Where a model runs: the device that was asked for, and the execution provider that it really got.

ONNX Runtime answers a provider that it cannot have with the CPU and a warning, GenAI some of the time. Here that is an
error at load: a server that was bought a GPU must not be found out to be slow.
"""

import json
from pathlib import Path

from engine.folder import ModelError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Execution providers as ONNX Runtime names them, by device."""
REMEDY = (
    "install requirements-gpu.lock in place of requirements.lock (./run.sh setup gpu) beside CUDA 13, cuDNN 9 and a "
    "driver for them, or have the model run on the CPU (device cpu)"
)


def wanted(device: str, configuration: Path) -> str:
    """Return the device a model is to run on: `device`, or where it is empty what its genai_config.json names.

    Raises ModelError for a device that is not known.
    """
    if device and device not in PROVIDERS:
        raise ModelError(f"device {device!r} is not known: write {' or '.join(PROVIDERS)}, or nothing")
    return device or ("cuda" if _names_cuda(configuration) else "cpu")


def provider(kind: str) -> str:
    """Return the execution provider of a device as GenAI names it ("CPU", "CUDA")."""
    return PROVIDERS.get(kind.lower(), kind)


def fell_back(device: str, got: str) -> str:
    """Return what is wrong where a model that was to run on `device` got the provider `got`; "" where nothing is."""
    asked = PROVIDERS[device]
    return "" if got == asked else f"was to run on {asked} and runs on {got}: {REMEDY}"


def remedy(device: str) -> str:
    """Return what may help where loading on `device` failed, to be put behind the reason."""
    return f": {REMEDY}" if device == "cuda" else ""


def _names_cuda(configuration: Path) -> bool:
    """Whether the decoder of a genai_config.json is to run on CUDA; one without a file names nothing."""
    if not configuration.is_file():
        return False
    model = json.loads(configuration.read_text(encoding="utf-8")).get("model", {})
    options = model.get("decoder", {}).get("session_options", {}).get("provider_options", [])
    return any(name.lower() == "cuda" for option in options for name in option)
