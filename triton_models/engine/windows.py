"""A graph of a fixed size over an image of any: overlapping windows, blended. NumPy alone.

As MONAI's `sliding_window_inference` (2020): windows at equal steps, the last flush with the edge; the raw outputs
are averaged with the window's importance as weight, and the activation comes after that.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.image_form import Shape, SlidingWindow

SIGMA = 0.125
"""Of the Gaussian, in window lengths (MONAI and nnU-Net)."""
LEAST = 1e-3
"""The importance of a window's corner: never so little that a pixel counts for nothing."""

Place = tuple[slice, slice, slice]


def places(canvas: Shape, size: Shape, form: SlidingWindow) -> list[Place]:
    """Return where the windows lie: together they cover the canvas, which is no smaller than one."""
    axes = [list(_starts(length, window, form.overlap)) for length, window in zip(canvas, size, strict=True)]
    return [
        (slice(s, s + size[0]), slice(r, r + size[1]), slice(c, c + size[2]))
        for s, r, c in product(axes[0], axes[1], axes[2])
    ]


def importance(size: Shape, blending: str) -> NDArray[np.float32]:
    """Return how much each pixel of a window counts where windows overlap, LEAST..1."""
    if blending == "constant":
        return np.ones(size, np.float32)
    axes = [_gauss(length) for length in size]
    whole = axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :]
    return np.maximum(whole, LEAST).astype(np.float32)


class Blend:
    """The weighted mean of what the windows say, over a canvas."""

    def __init__(self, channels: int, canvas: Shape, weight: NDArray[np.float32]) -> None:
        """`weight` is the importance of each pixel of a window."""
        self._sum = np.zeros((channels, *canvas), np.float32)
        self._weights = np.zeros(canvas, np.float32)
        self._weight = weight

    def add(self, place: Place, output: NDArray[Any]) -> None:
        """Add the raw output (channels, slices, rows, columns) of the window at `place`."""
        self._sum[(slice(None), *place)] += output * self._weight
        self._weights[place] += self._weight

    def mean(self) -> NDArray[np.float32]:
        """Return the blended output (channels, slices, rows, columns). Every pixel must have been covered."""
        self._sum /= self._weights
        return self._sum


def _starts(length: int, window: int, overlap: float) -> Iterator[int]:
    step = max(1, int(window * (1 - overlap)))
    for number in range(math.ceil((length - window) / step) + 1):
        yield min(number * step, length - window)


def _gauss(length: int) -> NDArray[np.float64]:
    """Return a Gaussian over `length` pixels with its top, 1, in the middle."""
    at = np.arange(length) - (length - 1) / 2
    return np.exp(-0.5 * (at / (SIGMA * length)) ** 2)
