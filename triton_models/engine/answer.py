"""An answer that is being written: it chooses its tokens, and holds them until whoever asked takes them."""

import math
import threading
import time

import numpy as np
from numpy.typing import NDArray

from engine.constraint import Constraint
from engine.folder import ModelError
from engine.turns import Stop

GATHER_S = 0.05
"""Tokens gather for so long before they are handed on, all but the first: sending one costs what writing one costs."""
ASK_EVERY_S = 0.01
"""How often it is asked whether anybody still wants the answer."""

Step = tuple[int, float]
"""A token, and the natural log of its probability before any guidance."""


class Answer:
    """One answer, between the thread that writes it and the one that sends it."""

    def __init__(self, *, limit: int, ends: frozenset[int], constraint: Constraint | None) -> None:
        """At most `limit` tokens, or up to one of `ends`."""
        self.last = 0
        """The token that was chosen last."""
        self._limit, self._ends, self._constraint = limit, ends, constraint
        self._changed = threading.Condition()
        self._steps: list[Step] = []
        self._count = 0
        self._wanted_at = 0.0
        self._finish = ""
        self._error: Exception | None = None
        self._left = threading.Event()

    @property
    def over(self) -> bool:
        """Whether nothing more is to be written."""
        return bool(self._finish or self._error)

    def choose(self, logits: NDArray[np.float32], whole: float) -> None:
        """Append the likeliest token that the guidance allows.

        `logits` (vocabulary) are those before any guidance, `whole` the log of the sum of their exponentials.
        """
        if not math.isfinite(whole):  # NaN wins every max
            self.fail(ModelError("its logits are not numbers: verify the model and its runtime"))
            return
        try:
            token = self._likeliest(logits)
        except Exception as e:  # ContractError, or what llguidance has not foreseen: this answer's alone
            self.fail(e)
            return
        with self._changed:
            if self.over:
                return
            self.last, self._count = token, self._count + 1
            self._steps.append((token, min(float(logits[token]) - whole, 0.0)))
            self._finish = "stop" if token in self._ends else "length" if self._count == self._limit else ""
            if self._finish or time.monotonic() >= self._wanted_at:
                self._changed.notify()

    def end(self, finish: str) -> None:
        """Write no more, if it is not over yet."""
        with self._changed:
            if not self.over:
                self._finish = finish
                self._changed.notify()

    def fail(self, error: Exception) -> None:
        """Write no more: `error` is what whoever asked hears."""
        with self._changed:
            if not self.over:
                self._error = error
                self._changed.notify()

    def take(self, stop: Stop) -> tuple[list[Step], str]:
        """Wait for tokens; return them, and why the answer ended or "" if it goes on. Raises what it failed with.

        `stop` is asked first, and every few milliseconds.
        """
        while True:
            if why := stop():
                self.end(why)
            if self._gathered():
                break
        with self._changed:
            steps, self._steps = self._steps, []
            self._wanted_at = time.monotonic() + GATHER_S
            if self._error and not steps:
                raise self._error
            return steps, "" if self._error else self._finish

    def leave(self) -> None:
        """Whoever writes it says that it keeps nothing of it any more."""
        self._left.set()

    def wait(self) -> None:
        """Wait until nothing is kept of it: what it took is free for the next."""
        self._left.wait()

    def _gathered(self) -> bool:
        """Wait a little, unless there is something to take already; return whether there is."""
        with self._changed:
            left = self._wanted_at - time.monotonic()
            return self._changed.wait_for(self._ready, min(left, ASK_EVERY_S) if left > 0 else ASK_EVERY_S)

    def _ready(self) -> bool:
        return self.over or bool(self._steps and self._wanted_at <= time.monotonic())

    def _likeliest(self, logits: NDArray[np.float32]) -> int:
        if self._constraint is None:
            return int(np.argmax(logits))
        allowed = self._constraint.allowed(len(logits))
        token = int(np.argmax(np.where(allowed, logits, -np.inf)))
        self._constraint.take(token)
        return token
