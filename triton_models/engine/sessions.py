"""One ONNX graph on the device it was asked for."""

from pathlib import Path
from typing import Any

import onnxruntime as ort

from engine import device as devices
from engine.folder import ModelError

PATIENCE = {"session.intra_op.spin_duration_us": "1000"}
"""How long a thread without work stays awake: until the next step of an answer, not until the next answer.

Threads that never sleep take the processor from what runs beside them; those that sleep at once wake for each operator.
"""


def open_session(file: Path, *, threads: int, device: str) -> Any:
    """Return `file` as an ONNX Runtime session on `device` (cpu, cuda); raises ModelError where it got another one."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    for name, value in PATIENCE.items():
        options.add_session_config_entry(name, value)
    session = ort.InferenceSession(str(file), options, providers=[devices.PROVIDERS[device]])
    if wrong := devices.fell_back(device, session.get_providers()[0]):
        raise ModelError(f"{file.name} {wrong}")
    return session
