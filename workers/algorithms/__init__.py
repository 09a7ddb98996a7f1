"""AI tasks: one pure file each, found by name; a site adds its own by the entry point `preread.algorithms`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from workers.algorithms.base import AlgorithmModule


@cache
def algorithms() -> dict[str, AlgorithmModule]:
    """Every algorithm by the name that protocols use.

    Raises TypeError for a file that does not offer what an algorithm offers.
    """
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__) if module.name != "base"]
    modules = [import_module(name) for name in names]
    modules += [entry.load() for entry in entry_points(group="preread.algorithms")]
    for module in modules:
        if not isinstance(module, AlgorithmModule):
            raise TypeError(
                f"{module.__name__} is no algorithm: it needs ALGORITHM, MODEL, accepts, prepare, interpret"
            )
    return {module.ALGORITHM: module for module in modules}
