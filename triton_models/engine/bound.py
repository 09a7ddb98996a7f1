"""The decoder's inputs and outputs, bound to the memory of a common cache. Its keys and values stay where they are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decoder import Decoder
from engine.reading import Embedding


class Row:
    """One row of the cache, for a prompt that is read into it."""

    def __init__(self, decoder: Decoder, adapter: Mapping[str, Any], kept: Sequence[NDArray[Any]]) -> None:
        """`kept` are the row's keys and values, each (1, heads, length, size)."""
        self._decoder, self._adapter, self._kept = decoder, adapter, kept

    def step(self, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Run the graph on the new tokens and return the last one's logits (vocabulary)."""
        binding = self._decoder.binding(given, self._adapter)
        keep_in(binding, self._decoder, self._kept)
        binding.bind_output(self._decoder.logits, "cpu")
        self._decoder.session.run_with_iobinding(binding)
        return np.asarray(binding.get_outputs()[-1].numpy()[0, -1])


class Bound:
    """A number of rows, each for its next token; the binding holds until a row comes or goes."""

    def __init__(
        self,
        decoder: Decoder,
        embedding: Embedding | None,
        adapter: Mapping[str, Any],
        kept: Sequence[NDArray[Any]],
    ) -> None:
        """`kept` are the rows' keys and values, each (rows, heads, length, size)."""
        rows = len(kept[0])
        self._decoder, self._binding = decoder, decoder.binding({}, adapter)
        self._kept = kept  # the binding knows nothing but addresses
        self._tokens = np.zeros((1, rows), np.int64)
        self._logits = decoder.memory(decoder.logits, rows, 1)
        self._embed: Callable[[], None] | None = None
        keep_in(self._binding, decoder, kept)
        _out(self._binding, decoder.logits, self._logits)
        if embedding:
            self._vectors = decoder.memory("inputs_embeds", 1, rows)
            self._embed = embedding.bound(self._tokens, self._vectors)
            _in(self._binding, "inputs_embeds", self._vectors.swapaxes(0, 1))
        else:
            _in(self._binding, "input_ids", self._tokens.swapaxes(0, 1))

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


def keep_in(binding: Any, decoder: Decoder, kept: Sequence[NDArray[Any]]) -> None:
    """Have the graph find keys and values in `kept`, and put the new ones there."""
    for past, present, one in zip(decoder.past, decoder.present, kept, strict=True):
        _in(binding, past, one)
        _out(binding, present, one)


def _in(binding: Any, name: str, value: NDArray[Any]) -> None:
    binding.bind_input(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)


def _out(binding: Any, name: str, value: NDArray[Any]) -> None:
    binding.bind_output(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)
