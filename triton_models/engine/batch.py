"""Answers that are written together: one step of the decoder gives each of them its next token (continuous batching).

    the thread that asks:    prompt, pixels -> joins ............ takes what has gathered -> client
    the batch's own:         reads a piece of a prompt, a step for all, reads the next piece, a step for all, step, step

An answer joins between two steps and leaves when it ends; none waits for the end of another, and those that are written
wait for one piece at a time, the most urgent prompt's. A prompt for which there is no memory waits until others have
left. A decoder that cannot write answers together writes each in a batch of its own (`alone.py`).
"""

import itertools
import logging
import threading
import time
from bisect import insort
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.answer import ASK_EVERY_S, Answer
from engine.room import BEFORE_ALL, Turn

ORDER = itertools.count()
"""Of all questions: those of several batches wait for the same memory."""

log = logging.getLogger("preread.batch")


class Cache(Protocol):
    """What a decoder keeps of the answers that it writes together, in their order, and of prompts that it reads."""

    def admit(self, prompt: Any, turn: Turn) -> bool:
        """Have memory for a prompt and its answer; False where that has to wait. Raises what whoever asked hears."""
        ...

    def read(self, prompt: Any) -> NDArray[Any] | None:
        """Read a piece of a prompt; after the last one return the logits (vocabulary): its is the last answer now."""
        ...

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Append a token to each answer and return the logits of its next one (answers, vocabulary)."""
        ...

    def remove(self, at: int) -> None:
        """Forget an answer; the last one takes its place."""
        ...

    def drop(self, prompt: Any, turn: Turn) -> None:
        """Forget a prompt that is not read to its end, or was not admitted."""
        ...

    def clear(self) -> None:
        """Forget all."""
        ...


@dataclass(eq=False)
class Newcomer:
    """An answer whose prompt is not read yet, or not to its end."""

    turn: Turn
    answer: Answer
    prompt: Any
    admitted: bool = False
    """Whether there is memory for it."""


class Batch:
    """The answers over one cache; its thread lives as long as one of them is written."""

    def __init__(self, cache: Callable[[], Cache], moved: Callable[[], None] = lambda: None) -> None:
        """`cache` gives an empty one, which is the batch's alone; `moved` hears that a piece of a prompt was read."""
        self._new_cache, self._moved = cache, moved
        self._cache = cache()
        self._lock = threading.Lock()
        self._coming: list[Newcomer] = []
        self._running = False
        self._written: list[Answer] = []
        self._room = np.zeros((0, 0), np.float32)
        """For what is summed up at each step: new memory would cost more than the sums."""

    def join(self, answer: Answer, prompt: Any, priority: int = 0) -> None:
        """Have `answer` written to its end; `prompt` is what the cache reads, those of the lowest number first."""
        with self._lock:
            insort(self._coming, Newcomer((priority, next(ORDER)), answer, prompt), key=attrgetter("turn"))
            if not self._running:
                threading.Thread(target=self._run, name="batch", daemon=True).start()
                self._running = True

    def tried(self, prompt: Any, token: int) -> None:
        """Read a prompt and make one step, before anybody joined; raises what the runtime raises."""
        self._cache.admit(prompt, BEFORE_ALL)
        while self._cache.read(prompt) is None:
            pass
        self._cache.step([token])
        self._cache.remove(0)

    def _run(self) -> None:
        try:
            while self._anybody():
                self._see_off()
                coming = self._next()
                if coming:
                    self._read(coming)
                    del coming  # nobody keeps what it read of, once it has left
                elif not self._written:
                    time.sleep(ASK_EVERY_S)  # another batch has the memory
                if self._written:
                    self._step()
                self._dismiss()
        except BaseException as e:  # whatever it was: nobody waits for a thread that is gone
            log.exception("a batch broke off")
            self._give_up(e)

    def _anybody(self) -> bool:
        """Whether somebody is there or comes; the thread ends where nobody does."""
        with self._lock:
            self._running = bool(self._coming or self._written)
            return self._running

    def _see_off(self) -> None:
        """Let those go that nobody wants any more, in the middle of their prompts, too."""
        for one in self._newcomers():
            if one.answer.over:
                self._leave(one)

    def _next(self) -> Newcomer | None:
        """Return whose prompt is read on: the most urgent that has memory. Nobody gets it before one who waits."""
        waits = False
        for one in self._newcomers():
            if not (one.admitted or waits):
                try:
                    one.admitted = self._cache.admit(one.prompt, one.turn)
                except Exception as e:  # there will never be memory, or the runtime's own kinds
                    one.answer.fail(e)
                    self._leave(one)
                    continue
            if one.admitted:
                return one
            waits = True
        return None

    def _read(self, one: Newcomer) -> None:
        try:
            logits = self._cache.read(one.prompt)
        except Exception as e:  # the runtime's own kinds; whoever waits for a word hears of it
            one.answer.fail(e)
            self._leave(one)
            return
        self._moved()
        if logits is None:
            return
        with self._lock:
            self._coming.remove(one)
        self._written.append(one.answer)
        choose([one.answer], np.asarray(logits, np.float32)[None])
        self._dismiss()

    def _step(self) -> None:
        try:
            logits = np.asarray(self._cache.step([answer.last for answer in self._written]), np.float32)
        except Exception as e:  # as above
            for answer in self._written:
                answer.fail(RuntimeError(str(e)))
            return
        if self._room.shape != logits.shape:
            self._room = np.empty(logits.shape, np.float32)
        choose(self._written, logits, self._room)

    def _dismiss(self) -> None:
        """Let those go that are over, as the cache does: the last takes the place of each."""
        for at in reversed(range(len(self._written))):
            answer = self._written[at]
            if answer.over:
                self._cache.remove(at)
                self._written[at] = self._written[-1]
                del self._written[-1]
                answer.leave()

    def _newcomers(self) -> list[Newcomer]:
        """Return those whose prompts are not read yet, the most urgent first."""
        with self._lock:
            return list(self._coming)

    def _leave(self, one: Newcomer) -> None:
        with self._lock:
            self._coming.remove(one)
        self._cache.drop(one.prompt, one.turn)
        one.answer.leave()

    def _give_up(self, why: BaseException) -> None:
        """Fail everybody, and be ready for whoever comes next."""
        with self._lock:
            broken, written, coming = self._cache, self._written, self._coming
            self._written, self._coming, self._cache = [], [], self._new_cache()
            self._running = False
        with suppress(Exception):
            for one in coming:
                broken.drop(one.prompt, one.turn)
            broken.clear()
        for answer in (*written, *(one.answer for one in coming)):
            answer.fail(RuntimeError(f"the batch broke off: {why}"))
            answer.leave()


def choose(answers: Sequence[Answer], logits: NDArray[np.float32], room: NDArray[np.float32] | None = None) -> None:
    """Give each of `answers` its next token by its row of `logits` (answers, vocabulary); `room` is as large."""
    top = logits.max(axis=1, keepdims=True)
    shares = np.subtract(logits, top, out=room)
    np.exp(shares, out=shares)
    whole = top[:, 0] + np.log(shares.sum(axis=1, dtype=np.float64))
    for answer, row, total in zip(answers, logits, whole, strict=True):
        answer.choose(row, float(total))
