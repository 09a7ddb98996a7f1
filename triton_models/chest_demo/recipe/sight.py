"""How well the encoder sees: the losses of its heads, and pictures changed a little for each look at them."""

from dataclasses import dataclass

import network
import numpy as np
import slots
import torch
import torch.nn.functional as F
from findings import Box, Finding
from numpy.typing import NDArray
from pool import Shown
from tasks import BINS
from torch import Tensor

MOVED = 5
"""Pixels by which a picture is moved at most; a pixel of the model is a bin of a box."""
MAP_WEIGHT = 12.0
"""Of the maps' loss: most of their cells are empty."""
PARTS = {"present": 0, "box": slice(1, 5), "severity": slice(5, 8), "place": slice(8, 8 + len(slots.PLACES))}
"""Where each part of what a slot says begins and ends; the last number is the millimetres."""


def moved(
    pictures: NDArray[np.uint8], shown: list[Shown], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Shown]]:
    """Return the pictures pushed by a few pixels each, their edges drawn out, and what they show then."""
    side = pictures.shape[1]
    out, told = np.empty_like(pictures), []
    for at, (down, across) in enumerate(rng.integers(-MOVED, MOVED + 1, (len(pictures), 2))):
        rows = np.clip(np.arange(side) - down, 0, side - 1)
        columns = np.clip(np.arange(side) - across, 0, side - 1)
        out[at] = pictures[at][rows[:, None], columns[None, :]]
        view, found = shown[at]
        told.append((view, tuple(_pushed(finding, int(down), int(across)) for finding in found)))
    return out, told


def _pushed(finding: Finding, down: int, across: int) -> Finding:
    if finding.box is None:
        return finding
    fields = vars(finding) | {"box": push(finding.box, down, across)}
    return Finding(**fields)


def push(box: Box, down: int, across: int) -> Box:
    """Return `box` moved; an end at the picture's edge stays there, as what it encloses goes on."""

    def to(end: int, by: int) -> int:
        return end if end in (0, BINS - 1) else min(BINS - 1, max(0, end + by))

    x0, y0, x1, y1 = box
    return to(x0, across), to(y0, down), to(x1, across), to(y1, down)


def exposed(pictures: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Return `pictures` over 0..1 with other exposure, contrast and noise."""
    n = len(pictures)

    def each(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, 1, 1)).astype(np.float32))

    plain = torch.from_numpy(pictures).float() / 255
    grey = (plain.clamp_min(1e-4) ** each(0.88, 1.14)) * each(0.92, 1.08) + each(-0.03, 0.03)
    # Normal enough, and drawn far faster than normal numbers: the sum of three bytes.
    bits = rng.integers(0, 256, (3, *grey.shape), np.uint8).astype(np.float32).sum(0)
    noise = torch.from_numpy((bits - 382.5) / 128)
    return (grey + each(0, 0.025) * noise).clamp(0, 1)


def normalised(pictures: Tensor) -> Tensor:
    """Return (n, 1, SIDE, SIDE) as the engine feeds it."""
    pixels = ((pictures - network.MEAN) / network.STD)[:, None]
    return pixels.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Seen:
    """What one look gave."""

    loss: Tensor
    labels: Tensor
    """The part of the loss that is about presence alone."""
    right: float
    """Share of pictures of which all slots are right."""
    overlap: float
    """Mean intersection over union of the boxes."""

    def __str__(self) -> str:
        return f"labels {self.labels.item():.4f} all right {self.right:.3f} boxes {self.overlap:.3f}"


def look(reader: network.Reader, pixels: Tensor, shown: list[Shown]) -> tuple[Seen, Tensor]:
    """Return how well the heads tell what is `shown`, and the slots (n, TOKENS, WIDTH)."""
    maps, gathered = reader.encoder.look(pixels)
    said, view = (each.float() for each in reader.heads(gathered))
    wanted = slots.targets(shown)
    present, box = torch.from_numpy(wanted.present), torch.from_numpy(wanted.box)
    labels = F.binary_cross_entropy_with_logits(said[..., PARTS["present"]], present)
    there = box[..., 2] > 0
    boxes, overlap = box_loss(said[..., PARTS["box"]][there], box[there])
    classes = _class_loss(said[..., PARTS["severity"]], wanted.severity) + _class_loss(
        said[..., PARTS["place"]], wanted.place
    )
    mm = torch.from_numpy(wanted.mm)
    sizes = F.smooth_l1_loss(said[..., -1][mm > 0], mm[mm > 0], beta=0.05) if (mm > 0).any() else said.sum() * 0
    views = F.cross_entropy(view, torch.from_numpy(wanted.view))
    place = MAP_WEIGHT * F.binary_cross_entropy_with_logits(maps.float(), cells(box))
    loss = 4 * labels + boxes + 0.5 * classes + 4 * sizes + 0.3 * views + place
    right = ((said[..., 0] > 0) == (present > 0)).all(1).float().mean().item()
    return Seen(loss, labels, right, overlap), gathered


def _class_loss(logits: Tensor, wanted: NDArray[np.int64]) -> Tensor:
    target = torch.from_numpy(wanted)
    if not (target >= 0).any():
        return logits.sum() * 0
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=slots.NOTHING)


def box_loss(logits: Tensor, wanted: Tensor) -> tuple[Tensor, float]:
    """Return the loss of boxes (n, 4) against corners as shares, and the mean intersection over union."""
    if not len(wanted):
        return logits.sum() * 0, 0.0
    middle, size = logits[:, :2].sigmoid(), logits[:, 2:].sigmoid()
    found = torch.cat([middle - size / 2, middle + size / 2], 1)
    inner = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp_min(0)
    outer = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    shared, hull = inner.prod(1), outer.prod(1)
    union = (found[:, 2:] - found[:, :2]).prod(1) + (wanted[:, 2:] - wanted[:, :2]).prod(1) - shared
    overlap = shared / union.clamp_min(1e-6)
    generalised = overlap - (hull - union) / hull.clamp_min(1e-6)
    return (1 - generalised).mean() + 8 * (found - wanted).abs().mean(), overlap.mean().item()


def cells(box: Tensor) -> Tensor:
    """Return which share of each cell of the fine grid a box covers: (n, slots, GRID, GRID), from (n, slots, 4)."""
    low = torch.arange(network.GRID) / network.GRID
    high = low + 1 / network.GRID

    def along(start: Tensor, end: Tensor) -> Tensor:
        return (torch.minimum(end, high) - torch.maximum(start, low)).clamp_min(0) * network.GRID

    over_x, over_y = along(box[..., 0:1], box[..., 2:3]), along(box[..., 1:2], box[..., 3:4])
    return over_y[..., :, None] * over_x[..., None, :]
