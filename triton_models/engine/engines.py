"""Which engine serves a model folder: the one that its preread.json names."""

from importlib import import_module
from pathlib import Path

from engine.answers import Engine
from engine.folder import ModelError, read_folder

ENGINES = ("genai", "plain")
"""Modules of this package, each with a class `Engine`. One is imported only where a model needs it."""


def load(model: Path, *, threads: int | None = None, device: str = "", unverified: bool = False) -> Engine:
    """Return the engine of the model folder `model`; raises ModelError. `unverified` is for whoever verifies it."""
    folder = read_folder(model, unverified=unverified)
    if folder.engine not in ENGINES:
        raise ModelError(f"{folder.name}: there is no engine {folder.engine!r} here, only {' and '.join(ENGINES)}")
    try:
        engine: type[Engine] = import_module(f"engine.{folder.engine}").Engine
    except ImportError as e:
        raise ModelError(f"{folder.name}: its engine {folder.engine} lacks a package: {e}") from e
    return engine(folder, threads=threads, device=device)
