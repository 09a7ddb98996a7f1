"""How much the caches of one model's answers may take together, and whose turn it is to take some of it."""

import threading

from engine.contract import ContractError
from engine.memory import MEGABYTE

Turn = tuple[int, int]
"""Priority and order of a question: the lowest has its turn first."""
BEFORE_ALL: Turn = (-1, 0)


class Room:
    """Tokens that may be kept, over all batches of a model; nobody overtakes whoever waits for memory."""

    def __init__(self, most_mb: float | None = None, token_bytes: int = 1, *, model: str = "") -> None:
        """`most_mb` is what `model` has left for its answers, None for no budget; a token takes `token_bytes`."""
        self._most_mb, self._token_bytes, self._model = most_mb, token_bytes, model
        self._lock = threading.Lock()
        self._taken = 0
        self._waiting: set[Turn] = set()

    @property
    def taken(self) -> int:
        """Tokens that are taken now."""
        return self._taken

    def told(self) -> str:
        """Return how much there is, for the log."""
        if self._most_mb is None:
            return "no budget for their memory"
        tokens = int(self._most_mb * MEGABYTE / self._token_bytes)
        return f"{self._most_mb:.0f} MB for answers, {tokens} tokens in all"

    def check(self, tokens: int) -> None:
        """Raise ContractError for an answer of so many tokens if it would find no room even alone."""
        if self._most_mb is not None and self._mb(tokens) > self._most_mb:
            raise ContractError(
                f"an answer that may have so many tokens, its prompt included, takes {self._mb(tokens):.0f} MB and "
                f"the card of {self._model} leaves {self._most_mb:.0f} for answers: ask for fewer tokens, or raise "
                "memory_mb in the card if the machine has the room"
            )

    def take(self, turn: Turn, tokens: int) -> bool:
        """Take room for so many more tokens; False where `turn` has to wait for it: ask again, or `leave`."""
        with self._lock:
            self._waiting.add(turn)
            full = self._most_mb is not None and self._mb(self._taken + tokens) > self._most_mb
            if full or turn > min(self._waiting):
                return False
            self._waiting.remove(turn)
            self._taken += tokens
            return True

    def give(self, tokens: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._taken -= tokens

    def leave(self, turn: Turn) -> None:
        """Wait no longer."""
        with self._lock:
            self._waiting.discard(turn)

    def _mb(self, tokens: int) -> float:
        return tokens * self._token_bytes / MEGABYTE
