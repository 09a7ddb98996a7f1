"""What a decoder is found to be able to do when it is loaded: it is tried, against an answer that is written alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.batch import Cache
from engine.decoder import Decoder
from engine.reading import Embedding, Reading
from engine.room import BEFORE_ALL, Room
from engine.rows import Rows

APART = 0.05
"""How far logits may be (root mean square) from those of the same answer alone, of their own spread.

Kernels of int4 round activations to 8 bits, which makes of 1e-7 a hundredth; a row that is miscounted is far beyond.
"""


def together(decoder: Decoder, embedding: Embedding | None, prompts: Sequence[tuple[Reading, Reading]]) -> bool:
    """Whether answers of different lengths get the same logits together as each does alone.

    `prompts` are two of them, each twice: one is read alone, one together with the other.
    """
    if decoder.device != "cpu" or decoder.rank("attention_mask") != 2 or decoder.rank("position_ids") > 2:
        return False
    if decoder.rank("sliding_attention_mask"):
        return False
    try:
        rows, (one, other) = Rows(decoder, embedding, {}, Room()), (alone for alone, _ in prompts)
        first = _first(one), _first(other)
        if not _close([read(rows, prompt) for _, prompt in prompts], first):
            return False
        tokens = [int(np.argmax(logits)) for logits in first]
        next_ = one.step(tokens[0]), other.step(tokens[1])
        if not _close(rows.step(tokens), next_):
            return False
        rows.remove(0)  # the other moves
        token = int(np.argmax(next_[1]))
        return _close(rows.step([token]), [other.step(token)])
    except Exception:  # a graph that cannot says so in the runtime's own kinds
        return False


def in_pieces(cache: Cache, whole: Any, pieces: Any) -> bool:
    """Whether a prompt that is read in pieces, in `cache`, gets the logits that it gets when it is read as a whole."""
    try:
        first = _first(whole)
        token = int(np.argmax(first))
        found = [read(cache, pieces), cache.step([token])[0]]
        return _close(found, [first, whole.step(token)])
    except Exception:  # as above
        return False


def read(cache: Cache, prompt: Any) -> NDArray[Any]:
    """Read the whole prompt, piece by piece; return the logits of its first token (vocabulary)."""
    cache.admit(prompt, BEFORE_ALL)
    while (logits := cache.read(prompt)) is None:
        pass
    return logits


def _first(prompt: Any) -> NDArray[Any]:
    logits: NDArray[Any] = prompt.read()
    return logits


def _close(found: Sequence[NDArray[Any]] | NDArray[Any], wanted: Sequence[NDArray[Any]]) -> bool:
    apart = np.asarray(found, np.float64) - np.stack(wanted)
    return bool(np.sqrt(np.mean(apart**2)) <= APART * np.std(wanted))  # NaN is not close
