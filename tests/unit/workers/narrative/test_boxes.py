"""Boxes: from bins of the letterboxed square to pixels of the source, never a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.report import Region
from tests.unit.triton_models.by_path import load
from workers.narrative.boxes import BINS, Box, area, overlap, parse, region

folder = load("engine/folder.py")
FORM = folder.ImageForm(
    rows=BINS, columns=BINS, mean=0.0, std=1.0, padding=0.0, filter="box", token="", tokens_per_image=1, max_images=1
)
SIZES = st.tuples(st.integers(BINS, 900), st.integers(BINS, 900))


@st.composite
def boxes_in_images(draw: st.DrawFn) -> tuple[int, int, Region]:
    """Rows, columns, and a box of at least a pixel in an image of that size."""
    rows, columns = draw(SIZES)
    left, top = draw(st.integers(0, columns - 1)), draw(st.integers(0, rows - 1))
    right, bottom = draw(st.integers(left + 1, columns)), draw(st.integers(top + 1, rows))
    return rows, columns, Region(left=left, top=top, right=right, bottom=bottom)


@settings(deadline=None)
@given(boxes_in_images())
def test_a_box_that_the_engine_saw_comes_back_within_a_bin(drawn: tuple[int, int, Region]) -> None:
    rows, columns, drawn_box = drawn
    image = np.zeros((rows, columns), np.uint16)
    image[int(drawn_box.top) : int(drawn_box.bottom), int(drawn_box.left) : int(drawn_box.right)] = 65535
    seen = folder.letterbox(image, FORM) > 0
    (down,), (across,) = np.nonzero(seen.any(axis=1)), np.nonzero(seen.any(axis=0))
    told = f"[{across[0]} {down[0]} {across[-1]} {down[-1]}]"
    box = parse(told)
    assert box is not None
    found = region(box, rows=rows, columns=columns)
    assert found is not None
    bin_pixels = max(rows, columns) / BINS
    for name in ("left", "top", "right", "bottom"):
        assert abs(getattr(found, name) - getattr(drawn_box, name)) <= bin_pixels, name


@given(SIZES, st.tuples(*[st.integers(0, BINS - 1)] * 4))
def test_what_is_mapped_lies_in_the_image_or_is_dropped(size: tuple[int, int], numbers: tuple[int, ...]) -> None:
    left, right, top, bottom = *sorted(numbers[:2]), *sorted(numbers[2:])
    found = region(Box(left=left, top=top, right=right, bottom=bottom), rows=size[0], columns=size[1])
    if found is not None:
        assert 0 <= found.left < found.right <= size[1]
        assert 0 <= found.top < found.bottom <= size[0]


def test_a_box_across_the_padding_is_cut_and_one_inside_it_is_dropped() -> None:
    rows, columns = 800, 1600  # 40 bins of padding above and below
    cut = region(Box(left=0, top=30, right=9, bottom=49), rows=rows, columns=columns)
    assert cut == Region(left=0.0, top=0.0, right=100.0, bottom=100.0)
    assert region(Box(left=0, top=0, right=159, bottom=39), rows=rows, columns=columns) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "[1 2 3]", "[1 2 3 4 5]", "[1,2,3,4]", "[01 2 3 4]", "[1 2  3 4]", "[1 2 3 4", "1 2 3 4", "[1 2 3 160]",
     "[5 2 4 4]", "[1 5 3 4]", "[-1 2 3 4]", "[1.0 2 3 4]", "[1 2 3 4].", "[ 1 2 3 4]", "[1 2 3 ٤]", "[9999 2 3 4]"],
)  # fmt: skip
def test_numbers_in_any_other_form_are_no_box(text: str) -> None:
    assert parse(text) is None


@given(st.text(alphabet="[]0123456789 .,-x", max_size=20))
def test_whatever_is_written_there_is_a_box_in_range_or_none(text: str) -> None:
    box = parse(text)
    if box is not None:
        assert 0 <= box.left <= box.right < BINS
        assert 0 <= box.top <= box.bottom < BINS
        assert text == f"[{box.left} {box.top} {box.right} {box.bottom}]"


def test_boxes_that_only_touch_share_nothing() -> None:
    one = Region(left=0, top=0, right=10, bottom=10)
    assert area(one) == 100
    assert overlap(one, Region(left=10, top=0, right=20, bottom=10)) == 0
    assert overlap(one, Region(left=5, top=5, right=20, bottom=20)) == 25
    assert area(None) == 0
