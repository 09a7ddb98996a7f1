"""Where tokens stand and what they see: small enough to be written out."""

import numpy as np
import pytest

from tests.unit.triton_models.by_path import load

positions = load("engine/positions.py")
IMAGE = 9
WORDS_AND_TWO_IMAGES = np.array([1, IMAGE, IMAGE, 2, IMAGE, IMAGE, 3])


def drawn(mask: np.ndarray) -> list[str]:
    return ["".join("x" if seen else "." for seen in row) for row in mask]


def test_each_image_is_a_block_of_its_own_and_words_are_none() -> None:
    assert positions.blocks(WORDS_AND_TWO_IMAGES, IMAGE).tolist() == [0, 1, 1, 0, 2, 2, 0]
    assert positions.blocks(np.array([IMAGE, 1]), IMAGE).tolist() == [1, 0]
    assert positions.blocks(WORDS_AND_TWO_IMAGES, None).tolist() == [0] * 7


def test_the_tokens_of_one_image_see_one_another_and_everything_else_looks_back() -> None:
    assert drawn(positions.may_see(np.array([0, 1, 1, 0, 2, 2, 0]), 0)) == [
        "x......",
        "xxx....",
        "xxx....",
        "xxxx...",
        "xxxxxx.",
        "xxxxxx.",
        "xxxxxxx",
    ]


def test_a_window_ends_how_far_a_token_looks_back_and_not_how_far_within_its_image_it_looks_on() -> None:
    assert drawn(positions.may_see(np.array([0, 1, 1, 1, 0]), 0, window=2)) == [
        "x....",
        "xxxx.",
        ".xxx.",
        "..xx.",
        "...xx",
    ]


def test_only_the_new_tokens_ask_what_they_may_see() -> None:
    assert drawn(positions.may_see(np.array([0, 1, 1, 0, 0]), 4)) == ["xxxxx"]
    assert drawn(positions.may_see(np.array([0, 1, 1, 0, 0]), 4, window=2)) == ["...xx"]


def test_an_image_stands_at_one_time_and_the_words_behind_it_go_on_behind_its_longer_side() -> None:
    # A word, an image of 2 x 3 tokens, two words.
    blocks = np.array([0, 1, 1, 1, 1, 1, 1, 0, 0])
    assert positions.in_space(blocks, (2, 3)).tolist() == [
        [0, 1, 1, 1, 1, 1, 1, 4, 5],
        [0, 1, 1, 1, 2, 2, 2, 4, 5],
        [0, 1, 2, 3, 1, 2, 3, 4, 5],
    ]


@pytest.mark.parametrize("length", [0, 3])
def test_words_alone_count_on_in_all_directions(length: int) -> None:
    assert positions.in_space(np.zeros(length, np.int64), (2, 3)).tolist() == [list(range(length))] * 3
    assert positions.in_line(length).tolist() == list(range(length))
