"""Boxes drawn into stored pixels come back from every model's input within one of its own pixels.

A box is drawn into the stored values of an image, which is then shown as a reader would see it (MONOCHROME1 turned
over), fitted as each kind of model wants it, seen in what the model sees, and mapped back by the code that maps a
model's own boxes. Nothing in the house turns an image by an angle: what is stored rotated or mirrored is read so.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from service.adapters.presentation import WHITE, shown
from service.domain.report import Region
from tests.unit.triton_models.by_path import engine, load
from workers.narrative.boxes import BINS, parse, region

EDGES = ("left", "top", "right", "bottom")
LETTERS = load("engine/folder.py")
FITTING, FORMS, CONTRACT = engine("image_fit"), engine("image_form"), engine("image_contract")
SQUARE = LETTERS.ImageForm(
    rows=BINS, columns=BINS, mean=0.0, std=1.0, padding=0.0, filter="box", token="", tokens_per_image=1, max_images=1
)
PER_WAY = 2500
SEEN = 1e-6
"""Grey from which on a pixel of the input has something of the box in it."""


class Drawn(NamedTuple):
    """A box in an image, and the image as it is stored."""

    box: Region
    stored: NDArray[np.uint16]
    photometric: str
    turned: int
    """Quarter turns, and a mirroring from 4 on, of what was stored."""


def draw(rng: random.Random) -> Drawn:
    rows, columns = rng.randint(BINS, 520), rng.randint(BINS, 520)
    left, top = rng.randrange(columns), rng.randrange(rows)
    right, bottom = rng.randint(left + 1, columns), rng.randint(top + 1, rows)
    photometric = rng.choice(("MONOCHROME1", "MONOCHROME2"))
    white, black = (0, 4095) if photometric == "MONOCHROME1" else (4095, 0)
    stored = np.full((rows, columns), black, np.uint16)
    stored[top:bottom, left:right] = white
    turned = rng.randrange(8)
    stored = np.rot90(stored.T if turned > 3 else stored, turned % 4)
    (down,), (across,) = np.nonzero((stored == white).any(axis=1)), np.nonzero((stored == white).any(axis=0))
    box = Region(left=float(across[0]), top=float(down[0]), right=float(across[-1] + 1), bottom=float(down[-1] + 1))
    return Drawn(box, np.ascontiguousarray(stored), photometric, turned)


def presented(drawn: Drawn) -> NDArray[np.uint16]:
    attributes = Dataset()
    attributes.PhotometricInterpretation = drawn.photometric
    attributes.BitsStored, attributes.PixelRepresentation, attributes.SamplesPerPixel = 12, 0, 1
    attributes.WindowCenter, attributes.WindowWidth = 2048, 4096
    picture = shown(drawn.stored, attributes)
    box = drawn.box
    assert picture[int(box.top), int(box.left)] > 0.99 * WHITE, "what was drawn is what is bright"
    return picture


def extent(seen: NDArray[Any]) -> tuple[int, int, int, int]:
    """First and last column and row with something in them: left, top, right, bottom, the last inside."""
    (down,), (across,) = np.nonzero(seen.any(axis=1)), np.nonzero(seen.any(axis=0))
    return int(across[0]), int(down[0]), int(across[-1]), int(down[-1])


def by_words(picture: NDArray[np.uint16]) -> tuple[Region | None, float]:
    """As a model that writes says it, in bins of the letterboxed square; and source pixels in a bin."""
    left, top, right, bottom = extent(LETTERS.letterbox(picture, SQUARE) > SEEN)
    box = parse(f"[{left} {top} {right} {bottom}]")
    assert box is not None
    rows, columns = picture.shape
    return region(box, rows=rows, columns=columns), max(rows, columns) / BINS


def by_detector(fit: str, **how: Any) -> Callable[[NDArray[np.uint16]], tuple[Region | None, float]]:
    """As a model that reads images says it, in pixels of its input; and source pixels in one of those."""
    usual = {"size": (1, BINS, 224), "multiple_of": 1, "spacing_mm": None}
    form = FORMS.InputForm(
        dimensions=2, values="presented", fit=fit, window=None, mean=(0.0,), std=(1.0,), padding=0.0, filter="box",
        **(usual | how),
    )  # fmt: skip

    def read(picture: NDArray[np.uint16]) -> tuple[Region | None, float]:
        request = CONTRACT.Request(task="detection", pixels=picture[None], spacing_mm=(0.3, 0.3))
        where = FITTING.fit(request, form)
        left, top, right, bottom = extent(FITTING.graph_input(request, form, where)[0, 0] > SEEN)
        (found,) = where.boxes_in_source(np.array([[left, top, right + 1, bottom + 1]]))
        scale = max(source / content for source, content in zip(where.source[1:], where.content[1:], strict=True))
        return Region(**{edge: float(value) for edge, value in zip(EDGES, found, strict=True)}), max(1.0, scale)

    return read


WAYS = {
    "letterbox, in words": by_words,
    "letterbox": by_detector("letterbox"),
    "resize": by_detector("resize"),
    "spacing and padding": by_detector("native", size=(1, 32, 32), multiple_of=32, spacing_mm=(0.5, 0.7)),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", WAYS)
def test_every_box_comes_back_within_a_pixel_of_the_model_s_input(way: str) -> None:
    rng = random.Random(f"boxes {way}")
    worst = 0.0
    for _ in range(PER_WAY):
        drawn = draw(rng)
        found, bin_pixels = WAYS[way](presented(drawn))
        assert found is not None, drawn.box
        worst = max(worst, *(abs(getattr(found, edge) - getattr(drawn.box, edge)) / bin_pixels for edge in EDGES))
        assert worst <= 1 + 1e-6, (drawn.box, found, drawn.stored.shape)
    print(f"{way}: {PER_WAY} boxes, largest error {worst:.3f} of a pixel of the model's input")
