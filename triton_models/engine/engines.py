"""Which engine serves a model folder: one that writes text, or one that reads images.

Both have `identity`, `parse`, `generate` and `encode`; what `generate` yields ends with the first that has a `finish`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from engine.contract import Tensors
from engine.image_form import reads_images
from engine.turns import Stop


class Engine(Protocol):
    """What a server needs of an engine."""

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


def load(model: Path, *, threads: int | None = None, gpu: int | None = None) -> Engine:
    """Return the engine of the folder `model`, on the GPU of number `gpu` or the CPU; raises ModelError.

    Only its runtime is imported: a server of image models needs no ONNX Runtime GenAI.
    """
    if reads_images(model):
        from engine import image

        return image.Engine.load(model, threads=threads, gpu=gpu)
    from engine import genai

    return genai.Engine.load(model, threads=threads)
