"""One cache for several answers, a row for each, over a decoder that counts each row's tokens for itself.

    past_key_values.N.key, .value, and in the same memory present.N.key, .value (rows, heads, length, size)
    attention_mask (rows, longest), a row's ones as many as it has tokens
    input_ids (rows, 1) or inputs_embeds (rows, 1, width), position_ids (rows, 1) where the graph has them

GroupQueryAttention, which GenAI's builder writes, does so: it takes a row's tokens from its mask and puts the new one
behind them. Whether a graph does is tried when it is loaded (`agreement.py`). A prompt is read into its row, piece by
piece and without the others: of several new tokens the operator takes one row (onnxruntime 1.31, "batch_size must be 1
when sequence_length > 1 and past context is given").
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bound import Bound, Row
from engine.decoder import Decoder
from engine.reading import Embedding, Reading
from engine.room import Room, Turn

LENGTHS = 128
"""A row has memory for a multiple of so many tokens: not each answer that is a little longer moves all others."""


class Rows:
    """The rows of answers that one decoder writes together, on the CPU; behind them those whose prompts are read."""

    def __init__(self, decoder: Decoder, embedding: Embedding | None, adapter: Mapping[str, Any], room: Room) -> None:
        """`adapter` are inputs that all its answers share, by name; the memory is of `room`."""
        self._decoder, self._embedding, self._adapter, self._room = decoder, embedding, adapter, room
        self._lengths: list[int] = []
        self._reading: list[Reading] = []
        self._kept: list[NDArray[Any]] = []
        self._taken = 0
        self._bound: Bound | None = None

    @property
    def _written(self) -> int:
        return len(self._lengths) - len(self._reading)

    def admit(self, prompt: Reading, turn: Turn) -> bool:
        """Have a row for a prompt and its answer; False where that has to wait. Raises ContractError, MemoryError."""
        length = -(-prompt.longest // LENGTHS) * LENGTHS
        self._room.check(length)
        rows, had = self._shape
        wanted = max(rows, len(self._lengths) + 1), max(had, length)
        more = max(0, wanted[0] * wanted[1] - self._taken)
        if not self._room.take(turn, more):
            return False
        self._taken += more
        try:
            self._grow(*wanted)
        except BaseException:
            self._free()
            raise
        self._lengths.append(0)
        self._reading.append(prompt)
        return True

    def read(self, prompt: Reading) -> NDArray[Any] | None:
        """Read a piece of a prompt; after the last one return its logits (vocabulary): it is the last row written."""
        first, place = self._written, self._reading.index(prompt)
        at = first + place
        logits = prompt.read(Row(self._decoder, self._adapter, [one[at : at + 1] for one in self._kept]))
        self._lengths[at] = prompt.at
        if logits is not None:
            self._exchange(first, at)
            self._reading[place] = self._reading[0]
            del self._reading[0]
            self._bound = None
        return logits

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Append a token to each row and return the logits of its next one (rows, vocabulary), until the next step."""
        rows = len(tokens)
        self._lengths[:rows] = [length + 1 for length in self._lengths[:rows]]
        if self._bound is None:
            kept = [one[:rows] for one in self._kept]
            self._bound = Bound(self._decoder, self._embedding, self._adapter, kept)
        return self._bound.run(tokens, np.array(self._lengths[:rows])[:, None])

    def remove(self, at: int) -> None:
        """Forget an answer; the last one takes its place."""
        last = self._written - 1
        self._move(last, at)
        if self._reading:  # the last of these goes where the last answer was
            self._move(len(self._lengths) - 1, last)
            self._reading.insert(0, self._reading.pop())
        self._shorten()

    def drop(self, prompt: Reading, turn: Turn) -> None:
        """Forget a prompt that is not read to its end, or that waits for memory."""
        self._room.leave(turn)
        if prompt in self._reading:
            place = self._reading.index(prompt)
            self._move(len(self._lengths) - 1, self._written + place)
            self._reading[place] = self._reading[-1]
            del self._reading[-1]
            self._shorten()

    def clear(self) -> None:
        """Forget all."""
        self._lengths, self._reading = [], []
        self._free()

    @property
    def _shape(self) -> tuple[int, int]:
        """Rows and tokens of each that there is memory for."""
        return min(((len(one), one.shape[2]) for one in self._kept), default=(0, 0))

    def _grow(self, rows: int, length: int) -> None:
        """Have memory for so many rows of so many tokens, until the last row goes; one array after another."""
        kept = self._kept or [np.zeros((0, 0, 0, 0))] * len(self._decoder.past)
        for number, (name, old) in enumerate(zip(self._decoder.past, kept, strict=True)):
            if (len(old), old.shape[2]) == (rows, length):
                continue
            new = self._decoder.zeros(name, rows, length)
            for at, used in enumerate(self._lengths):
                new[at, :, :used] = old[at, :, :used]
            self._kept[number : number + 1] = [new]
            self._bound = None

    def _shorten(self) -> None:
        del self._lengths[-1]
        self._bound = None
        self._free()

    def _free(self) -> None:
        """Give the memory back where nobody is left in it."""
        if not self._lengths:
            self._kept, self._bound = [], None
            self._room.give(self._taken)
            self._taken = 0

    def _move(self, source: int, target: int) -> None:
        if source != target:
            self._lengths[target] = used = self._lengths[source]
            for kept in self._kept:
                kept[target, :, :used] = kept[source, :, :used]

    def _exchange(self, one: int, other: int) -> None:
        if one != other:
            used = max(self._lengths[one], self._lengths[other])
            for kept in self._kept:
                kept[[one, other], :, :used] = kept[[other, one], :, :used]
            self._lengths[one], self._lengths[other] = self._lengths[other], self._lengths[one]
