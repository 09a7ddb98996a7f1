"""Where each token stands and what it may look at, for decoders that are told so. Needs NumPy alone."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
NO_TOKEN = -1


def blocks(tokens: NDArray[np.integer], image: int | None) -> Whole:
    """Return for each token the number of the image it belongs to, from 1, or 0 for a word.

    The tokens of one image stand side by side, and between two images stands at least one other token.
    """
    is_image = tokens == (NO_TOKEN if image is None else image)
    begins = is_image & ~np.concatenate([[False], is_image[:-1]])
    return np.where(is_image, np.cumsum(begins), 0).astype(np.int64)


def may_see(seen_by: Whole, past: int, *, window: int = 0) -> NDArray[np.bool_]:
    """Return for each new token (row) which tokens (columns) it may attend to: those up to itself and its own image's.

    `seen_by` (total) are the `blocks` of all tokens, `past` of which are in the cache; with a `window`, a token reaches
    no further back than so many tokens, itself included. See transformers, `create_causal_mask_mapping` of Gemma 3.
    """
    every, new = np.arange(len(seen_by)), np.arange(past, len(seen_by))[:, None]
    together = (seen_by == seen_by[past:, None]) & (seen_by > 0)
    return ((every <= new) | together) & (every > new - window if window else True)


def in_line(length: int) -> Whole:
    """Return the positions (length) of tokens one after another."""
    return np.arange(length, dtype=np.int64)


def in_space(seen_by: Whole, grid: tuple[int, int] | None) -> Whole:
    """Return the positions (3, length) in time, rows and columns of a prompt; `grid` are an image's rows and columns.

    Words count on in all three; an image stands at one time, its tokens at their row and column, and what follows it
    goes on behind its longer side. See Qwen2-VL, multimodal rotary position embedding (arXiv 2409.12191, 2.1).
    """
    pieces, at = [np.zeros((3, 0), np.int64)], 0
    for image, length in _runs(seen_by):
        if image and grid:
            rows, columns = np.divmod(np.arange(length), grid[1])
            pieces.append(np.stack([np.zeros(length, np.int64), rows, columns]) + at)
            at += max(grid)
        else:
            pieces.append(np.broadcast_to(np.arange(length), (3, length)) + at)
            at += length
    return np.concatenate(pieces, axis=1)


def _runs(seen_by: Whole) -> Iterator[tuple[int, int]]:
    for block, members in groupby(seen_by.tolist()):
        yield block, len(list(members))
