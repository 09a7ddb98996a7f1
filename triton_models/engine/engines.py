"""Which engine serves a model folder: one that reads images, or the one for text that its preread.json names."""

import json
import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from engine import device as devices
from engine.contract import Tensors
from engine.folder import LONG_ROPE, ModelError, ModelFolder, read_folder
from engine.image_form import reads_images
from engine.turns import Stop

ENGINES = ("genai", "plain")
"""Modules of this package, each with a class `Engine` for text. One is imported only where a model needs it."""
TOGETHER = b"GroupQueryAttention"
"""The operator by which a decoder counts the tokens of each answer for itself."""

log = logging.getLogger("preread.engines")


class Engine(Protocol):
    """What a server needs of an engine; what `generate` yields ends with the first that has a `finish`."""

    def identity(self) -> dict[str, Any]: ...

    def parse(self, tensors: Tensors) -> Any:
        """Return a request with `priority` and `deadline_s`; raises ContractError."""
        ...

    def generate(self, request: Any, stop: Stop) -> Iterator[Any]:
        """Yield responses with `finish`. Raises ContractError, ModelError."""
        ...

    def encode(self, answer: Any) -> dict[str, Any]:
        """Return the tensors of one response."""
        ...


def load(
    model: Path, *, threads: int | None = None, device: str = "", unverified: bool = False,
    moved: Callable[[], None] = lambda: None,
) -> Any:  # fmt: skip
    """Return the `Engine` of the folder `model` on `device` (cpu, cuda; empty: its own choice); raises ModelError.

    `unverified` is for whoever verifies it; `moved` hears that work goes on where no answer says so yet. Only its own
    runtime is imported: images need no ONNX Runtime GenAI.
    """
    if reads_images(model):
        return import_module("engine.image").Engine.load(model, threads=threads, device=device)
    folder = read_folder(model, unverified=unverified)
    name = folder.engine or best(folder, device)
    if name not in ENGINES:
        raise ModelError(f"{folder.name}: there is no engine {name!r} here, only {' and '.join(ENGINES)}")
    how: dict[str, Any] = {"threads": threads, "device": device, "unverified": unverified, "moved": moved}
    loaded = _load(name, folder, **how)
    if name == "plain" and not (folder.engine or loaded.together):
        log.info("%s: its decoder cannot write several answers in one batch; GenAI serves it", folder.name)
        del loaded  # two of them at once may be more than the machine has
        loaded = _load("genai", folder, **how)
    loaded.tried()
    log.log(logging.INFO if loaded.piece else logging.WARNING, "%s", loaded.told())
    return loaded


def best(folder: ModelFolder, device: str = "") -> str:
    """Return the engine to try first for a folder that names none.

    On the CPU that is the plain one for a decoder that may write several answers in one batch, else GenAI's. One whose
    positions turn otherwise in a long context (LongRoPE) would turn those of all for the longest: GenAI's.
    """
    if devices.wanted(device, folder.path / "genai_config.json") != "cpu":
        return "genai"
    try:
        config = json.loads((folder.path / "genai_config.json").read_text(encoding="utf-8"))["model"]
        graph = (folder.path / config["decoder"]["filename"]).read_bytes()
    except (OSError, ValueError, KeyError):  # GenAI says what is wrong with it
        return "genai"
    return "plain" if TOGETHER in graph and not config["type"].startswith(LONG_ROPE) else "genai"


def _load(name: str, folder: ModelFolder, **how: Any) -> Any:
    try:
        engine = import_module(f"engine.{name}").Engine
    except ImportError as e:
        raise ModelError(f"{folder.name}: its engine {name} lacks a package: {e}") from e
    return engine(folder, **how)
