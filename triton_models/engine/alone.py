"""The cache of a decoder that writes one answer at a time: the answer has a batch of its own."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from engine.room import Room, Turn


class Reader(Protocol):
    """A prompt, and the answer to it, for a decoder that writes one at a time."""

    longest: int
    """Tokens of prompt and answer, at most."""

    def read(self) -> NDArray[Any] | None:
        """Read a piece of the prompt; after the last one return the logits of the first token (vocabulary)."""
        ...

    def step(self, token: int) -> NDArray[Any]:
        """Append a token; return the next one's logits (vocabulary)."""
        ...


class Alone:
    """The cache of a decoder that writes one answer at a time."""

    COPIES = 2
    """What a step finds and what it leaves are there at the same time."""

    def __init__(self, room: Room) -> None:
        """Begin without one; its memory is of `room`."""
        self._room, self._taken = room, 0
        self._reader: Reader | None = None

    def admit(self, prompt: Reader, turn: Turn) -> bool:
        """Have memory for the only answer."""
        tokens = self.COPIES * prompt.longest
        self._room.check(tokens)
        if not self._room.take(turn, tokens):
            return False
        self._reader, self._taken = prompt, tokens
        return True

    def read(self, prompt: Reader) -> NDArray[Any] | None:
        """Read a piece of its prompt."""
        return prompt.read()

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Return its next logits (1, vocabulary)."""
        assert self._reader is not None
        (token,) = tokens
        return self._reader.step(token)[None]

    def remove(self, at: int) -> None:
        """Forget it."""
        self.clear()

    def drop(self, prompt: Reader, turn: Turn) -> None:
        """Forget it."""
        self._room.leave(turn)
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self._room.give(self._taken)
        self._reader, self._taken = None, 0
