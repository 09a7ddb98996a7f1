"""Which engine serves a model folder: one that reads images, or the one for text that its preread.json names."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from engine.contract import Tensors
from engine.folder import ModelError, read_folder
from engine.image_form import reads_images
from engine.turns import Stop

ENGINES = ("genai", "plain")
"""Modules of this package, each with a class `Engine` for text. One is imported only where a model needs it."""


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


def load(model: Path, *, threads: int | None = None, device: str = "", unverified: bool = False) -> Any:
    """Return the `Engine` of the folder `model` on `device` (cpu, cuda; empty: its own choice); raises ModelError.

    `unverified` is for whoever verifies it. Only its own runtime is imported: images need no ONNX Runtime GenAI.
    """
    if reads_images(model):
        return import_module("engine.image").Engine.load(model, threads=threads, device=device)
    folder = read_folder(model, unverified=unverified)
    if folder.engine not in ENGINES:
        raise ModelError(f"{folder.name}: there is no engine {folder.engine!r} here, only {' and '.join(ENGINES)}")
    try:
        engine = import_module(f"engine.{folder.engine}").Engine
    except ImportError as e:
        raise ModelError(f"{folder.name}: its engine {folder.engine} lacks a package: {e}") from e
    loaded = engine(folder, threads=threads, device=device, unverified=unverified)
    loaded.tried()
    return loaded
