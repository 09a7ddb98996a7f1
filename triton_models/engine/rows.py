"""One cache for several answers, a row for each, over a decoder that counts each row's tokens for itself.

    past_key_values.N.key, .value, and in the same memory present.N.key, .value (rows, heads, length, size)
    attention_mask (rows, longest), a row's ones as many as it has tokens
    input_ids (rows, 1) or inputs_embeds (rows, 1, width), position_ids (rows, 1) where the graph has them

GroupQueryAttention, which GenAI's builder writes, does so: it takes a row's tokens from its mask and puts the new one
behind them. Whether a graph does is tried when it is loaded (`agree`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decoder import Decoder
from engine.reading import Embedding, Reading

LEAST_LENGTH = 128
"""Tokens that a row has memory for, at least."""
APART = 0.05
"""How far logits may be (root mean square) from those of the same answer alone, of their own spread.

Kernels of int4 round activations to 8 bits, which makes of 1e-7 a hundredth; a row that is miscounted is far beyond.
"""


class Rows:
    """The rows of answers that one decoder writes together, on the CPU."""

    def __init__(self, decoder: Decoder, embedding: Embedding | None, adapter: Mapping[str, Any]) -> None:
        """`adapter` are inputs that all its answers share, by name."""
        self._decoder, self._embedding, self._adapter = decoder, embedding, adapter
        self._lengths: list[int] = []
        self._kept: list[NDArray[Any]] = []
        self._bound: Bound | None = None

    def add(self, prompt: Reading) -> NDArray[Any]:
        """Read a prompt alone and take it in as the last row; return the first token's logits (vocabulary)."""
        logits = prompt.read()
        at, length, read = len(self._lengths), prompt.length, prompt.kept()
        self._fit(at + 1, prompt.longest)
        for mine, theirs in zip(self._kept, read, strict=True):
            mine[at, :, :length] = theirs[0]
        self._lengths.append(length)
        self._bound = None
        return logits

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Append a token to each row and return the logits of its next one (rows, vocabulary), until the next step."""
        self._lengths = [length + 1 for length in self._lengths]
        if self._bound is None:
            self._bound = Bound(self._decoder, self._embedding, self._adapter, self._kept, len(tokens))
        return self._bound.run(tokens, np.array(self._lengths)[:, None])

    def remove(self, at: int) -> None:
        """Forget an answer; the last row takes its place."""
        last = len(self._lengths) - 1
        if at < last:
            for kept in self._kept:
                kept[at, :, : self._lengths[last]] = kept[last, :, : self._lengths[last]]
        self._lengths[at] = self._lengths[last]
        del self._lengths[last]
        self._bound = None
        if not self._lengths:
            self._kept = []

    def _fit(self, rows: int, length: int) -> None:
        """Have memory for so many rows of so many tokens, in powers of two, until the last row goes."""
        have = self._kept[0].shape if self._kept else (0, 0, LEAST_LENGTH, 0)
        if rows <= have[0] and length <= have[2]:
            return
        count, room = max(have[0], _power(rows)), max(have[2], _power(length))
        larger = [self._decoder.zeros(name, count, room) for name in self._decoder.past]
        for new, old in zip(larger, self._kept, strict=False):
            for at, used in enumerate(self._lengths):
                new[at, :, :used] = old[at, :, :used]
        self._kept, self._bound = larger, None


class Bound:
    """The decoder's inputs and outputs for a number of rows, bound to memory; it holds until a row comes or goes."""

    def __init__(
        self,
        decoder: Decoder,
        embedding: Embedding | None,
        adapter: Mapping[str, Any],
        kept: Sequence[NDArray[Any]],
        rows: int,
    ) -> None:
        """Bind the first `rows` of the cache `kept`."""
        self._decoder, self._binding = decoder, decoder.session.io_binding()
        self._kept = kept  # the binding knows nothing but addresses
        self._tokens = np.zeros((1, rows), np.int64)
        self._logits = decoder.memory(decoder.logits, rows, 1)
        self._embed: Callable[[], None] | None = None
        for name, value in adapter.items():
            self._binding.bind_ortvalue_input(name, value)
        for past, present, one in zip(decoder.past, decoder.present, kept, strict=True):
            self._in(past, one[:rows])
            self._out(present, one[:rows])
        self._out(decoder.logits, self._logits)
        if embedding:
            self._vectors = decoder.memory("inputs_embeds", 1, rows)
            self._embed = embedding.bound(self._tokens, self._vectors)
            self._in("inputs_embeds", self._vectors.swapaxes(0, 1))
        else:
            self._in("input_ids", self._tokens.swapaxes(0, 1))

    def run(self, tokens: Sequence[int], lengths: NDArray[np.int64]) -> NDArray[Any]:
        """Run the graph on one more token for each row, which has then `lengths` (rows, 1); return its logits."""
        self._tokens[0] = tokens
        if self._embed:
            self._embed()
        given = {"attention_mask": np.arange(lengths.max()) < lengths}
        if self._decoder.rank("position_ids"):
            given["position_ids"] = lengths - 1
        for name, value in given.items():
            self._binding.bind_cpu_input(name, self._decoder.cast(name, value))
        self._decoder.session.run_with_iobinding(self._binding)
        return self._logits[:, 0]

    def _in(self, name: str, value: NDArray[Any]) -> None:
        self._binding.bind_input(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)

    def _out(self, name: str, value: NDArray[Any]) -> None:
        self._binding.bind_output(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)


def agree(decoder: Decoder, embedding: Embedding | None, prompts: Sequence[tuple[Reading, Reading]]) -> bool:
    """Whether answers of different lengths get the same logits together as each does alone.

    `prompts` are two of them, each twice: one is read alone, one together with the other.
    """
    if decoder.device != "cpu" or decoder.rank("attention_mask") != 2 or decoder.rank("position_ids") > 2:
        return False
    if decoder.rank("sliding_attention_mask"):
        return False
    try:
        rows, (one, other) = Rows(decoder, embedding, {}), (alone for alone, _ in prompts)
        first = one.read(), other.read()
        if not _close(np.stack([rows.add(together) for _, together in prompts]), first):
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


def _close(found: NDArray[Any], wanted: Sequence[NDArray[Any]]) -> bool:
    apart = np.asarray(found, np.float64) - np.stack(wanted)
    return bool(np.sqrt(np.mean(apart**2)) <= APART * np.std(wanted))  # NaN is not close


def _power(least: int) -> int:
    return 1 << (least - 1).bit_length()
