"""What a family is: the interface that the files in `families/` fill, and how one is found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from export import families
from export.checkpoint import Checkpoint
from export.trouble import ExportError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A checkpoint in the framework: whole, and taken apart as the graphs are."""

    decoder: "nn.Module"
    """A causal language model of transformers (fp32, evaluation mode) of a kind that the builder knows."""
    generate: "Callable[[Tensor, Tensor | None, int], list[int]]"
    """The framework's own greedy answer: `input_ids` (1, length), `pixel_values` or None, so many tokens."""
    whole: "nn.Module | None" = None
    """What adapters were trained on, where that is more than the decoder."""
    vision: "nn.Module | None" = None
    """`pixel_values` (images, ...) to `image_features` (images * tokens_per_image, width); None for text only."""
    image_token: int | None = None
    """The id whose places in the prompt `image_features` take, in order."""
    pixel_shape: tuple[int, ...] = ()
    """Of one image's `pixel_values`."""
    context: int | None = None
    """Tokens of prompt and answer together, where fewer than the decoder's are exact."""


class Family(Protocol):
    """A module in `families/`; what is optional stands in the package's docstring."""

    ARCHITECTURES: frozenset[str]
    INEXACT: tuple[str, ...]

    @staticmethod
    def check(config: dict[str, Any]) -> None:
        """Raise ExportError for a variant of the architecture that cannot be exported."""

    @staticmethod
    def take_apart(checkpoint: Checkpoint) -> Parts:
        """Return the model in fp32. Raises ExportError for weights that do not fit."""

    @staticmethod
    def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
        """Return what preread.json says: engine, image form, limits of tokens."""

    @staticmethod
    def pixels(checkpoint: Checkpoint, image: "Image") -> NDArray[np.float32]:
        """Return one image's `pixel_values` as the makers' own processor makes them."""


def names() -> list[str]:
    """The families that there are."""
    return sorted(module.name for module in iter_modules(families.__path__))


def find(checkpoint: Checkpoint) -> tuple[str, Family]:
    """Return the family of `checkpoint` and its name. Raises ExportError where there is none."""
    known: dict[str, Sequence[str]] = {}
    for name in names():
        family: Family = import_module(f"export.families.{name}")  # type: ignore[assignment]
        if checkpoint.architecture in family.ARCHITECTURES:
            family.check(checkpoint.config)
            return name, family
        known[name] = sorted(family.ARCHITECTURES)
    listed = "; ".join(f"{name}: {', '.join(which)}" for name, which in known.items())
    raise ExportError(f"no family takes {checkpoint.architecture}; there are {listed}")


def optional(family: Family, name: str) -> Any:
    """Return what the family brings under an optional name, or None."""
    return getattr(family, name, None)
