"""Sliding windows: they cover everything, and where they overlap their weights sum to one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import engine

windows = engine("windows")
SlidingWindow = engine("image_form").SlidingWindow


@pytest.mark.parametrize("blending", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.95])
@pytest.mark.parametrize("canvas", [(1, 8, 8), (1, 9, 31), (1, 16, 8)])
def test_the_blending_weights_of_each_pixel_sum_to_one(
    canvas: tuple[int, int, int], overlap: float, blending: str
) -> None:
    size = (1, 8, 8)
    weight = windows.importance(size, blending)
    places = windows.places(canvas, size, SlidingWindow(overlap, blending))
    given, blend = np.zeros(canvas), windows.Blend(1, canvas, weight)
    for place in places:
        given[place] += weight
        blend.add(place, np.ones((1, *size), np.float32))
    assert given.min() > 0, "every pixel is covered"
    shares = sum(_share(place, weight, given) for place in places)
    assert np.allclose(shares, 1, atol=1e-6)
    assert np.allclose(blend.mean(), 1, atol=1e-6)


def _share(place: tuple[slice, ...], weight: Any, given: Any) -> Any:
    """What one window counts for at each pixel of the canvas."""
    share = np.zeros_like(given)
    share[place] = weight / given[place]
    return share


def test_windows_are_at_equal_steps_and_the_last_is_flush_with_the_edge() -> None:
    places = windows.places((1, 8, 21), (1, 8, 8), SlidingWindow(0.5, "gaussian"))
    assert [(columns.start, columns.stop) for _, _, columns in places] == [(0, 8), (4, 12), (8, 16), (12, 20), (13, 21)]


def test_the_middle_of_a_window_counts_more_than_its_edge() -> None:
    weight = windows.importance((1, 9, 9), "gaussian")
    # sigma is 9 / 8; one pixel beside the middle: exp(-0.5 / (9 / 8) ** 2) = exp(-0.395062)
    assert weight[0, 4, 4] == 1
    assert weight[0, 4, 5] == pytest.approx(0.673638, abs=1e-5)
    assert weight[0, 0, 0] == windows.LEAST == weight.min()


def test_boxes_that_overlap_are_one_and_the_others_stay() -> None:
    boxes = engine("boxes")
    form = engine("image_form").BoxForm("xyxy", False, 0.5, 2, "b", "s", "l")
    found = np.float32([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 4], [20, 0, 30, 10]])
    # the second shares 0.9 with the first, the third 0.4
    kept = boxes.strongest(found, np.float32([0.9, 0.8, 0.7, 0.6]), np.zeros(4, int), form)
    assert kept.tolist() == [0, 2], "at most two"
    assert boxes.strongest(found[:2], np.float32([0.8, 0.9]), np.array([0, 1]), form).tolist() == [1, 0]
