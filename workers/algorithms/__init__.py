"""AI tasks: one pure file each, found by name; a site adds its own by the entry point `preread.algorithms`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from service.domain.protocol import ProtocolStep
from workers.algorithms.base import AlgorithmModule

_OTHERS = {"base", "image_model"}
"""No algorithms of one model each; which model `image_model` asks is the protocol's to say."""


@cache
def algorithms() -> dict[str, AlgorithmModule]:
    """Every algorithm by the name that protocols use.

    Raises TypeError for a file that does not offer what an algorithm offers.
    """
    files = [module.name for module in pkgutil.iter_modules(__path__) if module.name not in _OTHERS]
    names = [f"{__name__}.{name}" for name in files]
    modules = [import_module(name) for name in names]
    modules += [entry.load() for entry in entry_points(group="preread.algorithms")]
    for module in modules:
        if not isinstance(module, AlgorithmModule):
            raise TypeError(
                f"{module.__name__} is no algorithm: it needs ALGORITHM, MODEL, LOOKED_FOR, accepts, prepare, interpret"
            )
    return {module.ALGORITHM: module for module in modules}


def model_of(step: ProtocolStep) -> str:
    """The model that a protocol's step asks; empty for a measure, and for an algorithm that is not installed."""
    module = algorithms().get(step.algorithm)
    return step.model or (module.MODEL if module else "")
