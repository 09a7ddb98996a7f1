"""What can be measured on a series without learned weights: one file each, found by name, beside its arithmetic."""

from __future__ import annotations

import hashlib
import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from service.domain.algorithm import Algorithm
from service.domain.uids import derive_uid
from workers.measures.base import MeasureModule

_ARITHMETIC = {"base", "acquisition", "attenuation", "lungs"}
"""What the measures are made of."""


@cache
def measures() -> dict[str, MeasureModule]:
    """Every measure by the name that protocols use."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name not in _ARITHMETIC]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return {module.ALGORITHM: module for module in modules if isinstance(module, MeasureModule)}


def algorithm(measure: MeasureModule) -> Algorithm:
    """Who measured: our version, and the digest of the code that all measures are made of."""
    digest = _digest()
    return Algorithm(
        name=measure.ALGORITHM,
        version=version("preread"),
        digest=digest,
        device_uid=derive_uid("preread measure", measure.ALGORITHM, digest),
    )


@cache
def _digest() -> str:
    """SHA-256 over the files of this folder and the version of the library that finds regions."""
    sha256 = hashlib.sha256(version("SimpleITK").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        sha256.update(file.read_bytes())
    return sha256.hexdigest()
