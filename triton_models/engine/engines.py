"""Which engine serves a model folder: one that reads images, or the one for text that its preread.json names."""

import json
import mmap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from engine import device as devices
from engine.contract import Tensors
from engine.folder import ModelError, ModelFolder, read_folder
from engine.image_form import reads_images
from engine.turns import Stop

ENGINES = ("genai", "plain")
TOGETHER = b"GroupQueryAttention"
"""The operator by which a decoder counts the tokens of each answer for itself."""
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
    name = folder.engine or best(folder, device)
    if name not in ENGINES:
        raise ModelError(f"{folder.name}: there is no engine {name!r} here, only {' and '.join(ENGINES)}")
    try:
        engine = import_module(f"engine.{name}").Engine
    except ImportError as e:
        raise ModelError(f"{folder.name}: its engine {name} lacks a package: {e}") from e
    loaded = engine(folder, threads=threads, device=device, unverified=unverified)
    loaded.tried()
    return loaded


def best(folder: ModelFolder, device: str = "") -> str:
    """Return the engine for a folder that names none.

    On the CPU that is the plain one for a decoder that can write several answers in one batch, else GenAI's.
    """
    if devices.wanted(device, folder.path / "genai_config.json") != "cpu":
        return "genai"
    config = json.loads((folder.path / "genai_config.json").read_text(encoding="utf-8"))["model"]
    with (
        (folder.path / config["decoder"]["filename"]).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as graph,
    ):
        return "plain" if graph.find(TOGETHER) >= 0 else "genai"
