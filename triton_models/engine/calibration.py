"""From a graph's raw output to calibrated probabilities: temperature, activation, Platt scaling. NumPy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.folder import ModelError
from engine.image_form import ImageModel

Numbers = NDArray[Any]
NEAREST = 1e-7
"""How near to 0 and 1 a probability may come before its logit is taken."""
SLACK = 1e-3
"""How far rounding may take a probability beyond 0 and 1."""


def probabilities(raw: Numbers, model: ImageModel) -> Numbers:
    """Return the calibrated probabilities of `raw` (channels, ...), float32 of the same shape.

    Raises ModelError where what the graph calls probabilities are none.
    """
    found = activated(raw, model)
    for channel, name in enumerate(model.channels):
        found[channel] = calibrated(found[channel], name, model)
    return found


def activated(raw: Numbers, model: ImageModel) -> Numbers:
    """Return `raw` as probabilities, float32, before any class is calibrated for itself; raises ModelError."""
    found = _activated(raw / np.float32(model.temperature), model.activation).astype(np.float32)
    if found.size and not (found.min() >= -SLACK and found.max() <= 1 + SLACK):
        raise ModelError(
            f"{model.name}: the graph gives values from {found.min():.3g} to {found.max():.3g} and preread.json says "
            "that they are probabilities: set output.activation to sigmoid or softmax"
        )
    return np.clip(found, 0, 1)


def calibrated(probability: Numbers, name: str | None, model: ImageModel) -> Numbers:
    """Return probabilities of the class `name` as its card calibrates them; None is nobody's class."""
    platt = model.classes[name].platt if name else None
    return probability if platt is None else scaled(probability, *platt)


def scaled(probability: Numbers, a: float, b: float) -> Numbers:
    """Return sigmoid(a logit(p) + b)."""
    p = np.clip(probability, NEAREST, 1 - NEAREST)
    return sigmoid(np.float32(a) * np.log(p / (1 - p)) + np.float32(b))


def sigmoid(logits: Numbers) -> Numbers:
    """Return 1 / (1 + exp(-logits)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def softmax(logits: Numbers) -> Numbers:
    """Return the softmax over the first axis."""
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def _activated(logits: Numbers, activation: str) -> Numbers:
    match activation:
        case "sigmoid":
            return sigmoid(logits)
        case "softmax":
            return softmax(logits)
    return logits
