"""How an image or volume becomes a graph's input, and how what the graph says becomes source pixels again.

    source --(spacing, fit)--> content --(padding)--> canvas, which the graph sees

Axes are slices, rows, columns; an image has one slice. Coordinates are continuous: pixel i covers i to i + 1
(PS3.3 C.18.6), so that a scaled edge stays an edge. Needs NumPy and Pillow alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import ContractError
from engine.folder import FILTERS, FULL_SCALE
from engine.image_contract import Request
from engine.image_form import InputForm, Shape

Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Fit:
    """Where the source lies in the canvas."""

    source: Shape
    content: Shape
    """The source, resampled."""
    offset: Shape
    """Of the content in the canvas."""
    canvas: Shape

    def boxes_in_source(self, boxes: NDArray[Any]) -> NDArray[np.float32]:
        """Return `boxes` (n, 4; left, top, right, bottom in the canvas) in source pixels, cut at the image's edges."""
        edges = np.asarray(boxes, np.float64).reshape(-1, 2, 2)[..., ::-1]  # row, column
        scale = np.array(self.source[1:]) / np.array(self.content[1:])
        found = np.clip((edges - self.offset[1:]) * scale, 0, self.source[1:])
        return found[..., ::-1].reshape(-1, 4).astype(np.float32)

    def in_source(self, values: Volume, filter_name: str) -> Volume:
        """Return `values` (of the canvas's shape) on the grid of the source."""
        inside = tuple(slice(start, start + n) for start, n in zip(self.offset, self.content, strict=True))
        return resized(values[inside], self.source, filter_name)


def fit(request: Request, form: InputForm) -> Fit:
    """Return where the request's pixels lie in the graph's input.

    Raises ContractError where the model's spacing cannot be made.
    """
    source = request.pixels.shape
    assert len(source) == 3
    scaled = _resampled(source, request, form)
    if form.fit == "resize":
        return Fit(source, form.size, (0, 0, 0), form.size)
    if form.fit == "letterbox":
        scale = min(form.size[1] / scaled[1], form.size[2] / scaled[2])
        content = 1, max(1, round(scaled[1] * scale)), max(1, round(scaled[2] * scale))
        top, left = (form.size[1] - content[1]) // 2, (form.size[2] - content[2]) // 2
        return Fit(source, content, (0, top, left), form.size)
    lengths = [_padded(n, least, form.multiple_of) for n, least in zip(scaled, form.size, strict=True)]
    canvas = (lengths[0] if form.dimensions == 3 else 1, lengths[1], lengths[2])
    return Fit(source, scaled, (0, 0, 0), canvas)


def graph_input(request: Request, form: InputForm, where: Fit) -> NDArray[np.float32]:
    """Return the request's pixels as (channels, slices, rows, columns), normalised."""
    grey = resized(_unit(request, form), where.content, form.filter)
    canvas = np.full(where.canvas, form.padding, np.float32)
    canvas[tuple(slice(start, start + n) for start, n in zip(where.offset, where.content, strict=True))] = grey
    return np.stack([(canvas - mean) / std for mean, std in zip(form.mean, form.std, strict=True)]).astype(np.float32)


def resized(volume: Volume, shape: Shape, filter_name: str) -> Volume:
    """Return `volume` resampled to `shape`, plane by plane and then across planes; an equal shape is left alone."""
    if volume.shape == shape:
        return volume
    chosen = FILTERS[filter_name]
    slices, rows, columns = shape
    planes = [np.asarray(Image.fromarray(plane).resize((columns, rows), chosen), np.float32) for plane in volume]
    stack = np.stack(planes)
    if len(stack) == slices:
        return stack
    flat = Image.fromarray(stack.reshape(len(stack), -1))
    return np.asarray(flat.resize((rows * columns, slices), chosen), np.float32).reshape(shape)


def _unit(request: Request, form: InputForm) -> Volume:
    """Return the pixels as presented over 0..1, or the modality values, through the model's window if it has one."""
    pixels = request.pixels.astype(np.float32)
    if form.values == "presented":
        return pixels / np.float32(FULL_SCALE)
    if form.window is None:
        return pixels
    low, high = form.window
    return np.clip((pixels - low) / (high - low), 0, 1).astype(np.float32)


def _resampled(source: Shape, request: Request, form: InputForm) -> Shape:
    """Return the shape that `source` has at the model's spacing."""
    if form.spacing_mm is None:
        return source
    if request.spacing_mm is None or (form.dimensions == 3 and request.slice_spacing_mm is None):
        raise ContractError("the model reads images at a spacing of its own, and the spacing of this one is not known")
    between_slices = (request.slice_spacing_mm or 1.0,) if form.dimensions == 3 else ()
    lengths = zip(source[-form.dimensions :], (*between_slices, *request.spacing_mm), form.spacing_mm, strict=True)
    scaled = [max(1, round(n * given / wanted)) for n, given, wanted in lengths]
    return (scaled[0], scaled[1], scaled[2]) if form.dimensions == 3 else (1, scaled[0], scaled[1])


def _padded(length: int, least: int, multiple: int) -> int:
    return -(-max(length, least) // multiple) * multiple
