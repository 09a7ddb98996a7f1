"""Answers that are written together: one step of the decoder gives each of them its next token (continuous batching).

    the thread that asks:    prompt, pixels -> joins ............ takes what has gathered -> client
    the batch's own:         reads a prompt, a step for all, reads the next prompt, a step for all, step, step

An answer joins between two steps and leaves when it ends; none waits for the end of another, and those that are written
wait for one prompt at a time. A decoder that cannot do so writes each answer in a batch of its own (`Alone`).
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.answer import Answer

log = logging.getLogger("preread.batch")


class Cache(Protocol):
    """What a decoder keeps of the answers that it writes together, in their order."""

    def add(self, prompt: Any) -> NDArray[Any]:
        """Read a prompt, of which the last answer is now written; return the logits of its first token (vocabulary)."""
        ...

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Append a token to each answer and return the logits of its next one (answers, vocabulary)."""
        ...

    def remove(self, at: int) -> None:
        """Forget an answer; the last one takes its place."""
        ...


class Reader(Protocol):
    """A prompt, and the answer to it, for a decoder that writes one at a time."""

    def read(self) -> NDArray[Any]:
        """Read the prompt; return the logits of the first token (vocabulary)."""
        ...

    def step(self, token: int) -> NDArray[Any]:
        """Append a token; return the next one's logits (vocabulary)."""
        ...


class Alone:
    """The cache of a decoder that writes one answer at a time."""

    def __init__(self) -> None:
        """Begin without one."""
        self._reader: Reader | None = None

    def add(self, prompt: Reader) -> NDArray[Any]:
        """Read the prompt of the only answer."""
        self._reader = prompt
        return prompt.read()

    def step(self, tokens: Sequence[int]) -> NDArray[Any]:
        """Return its next logits (1, vocabulary)."""
        assert self._reader is not None
        (token,) = tokens
        return self._reader.step(token)[None]

    def remove(self, at: int) -> None:
        """Forget it."""
        self._reader = None


class Batch:
    """The answers over one cache; its thread lives as long as one of them is written."""

    def __init__(self, cache: Callable[[], Cache]) -> None:
        """`cache` gives an empty one, which is the batch's alone."""
        self._new_cache = cache
        self._cache = cache()
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._coming: list[tuple[int, int, Answer, Any]] = []
        self._running = False
        self._written: list[Answer] = []
        self._room = np.zeros((0, 0), np.float32)
        """For what is summed up at each step: new memory would cost more than the sums."""

    def join(self, answer: Answer, prompt: Any, priority: int = 0) -> None:
        """Have `answer` written to its end; `prompt` is what the cache reads, those of the lowest number first."""
        with self._lock:
            heapq.heappush(self._coming, (priority, next(self._order), answer, prompt))
            if not self._running:
                threading.Thread(target=self._run, name="batch", daemon=True).start()
                self._running = True

    def tried(self, prompt: Any, token: int) -> None:
        """Read a prompt and make one step, before anybody joined; raises what the runtime raises."""
        self._cache.add(prompt)
        self._cache.step([token])
        self._cache.remove(0)

    def _run(self) -> None:
        try:
            while self._anybody():
                if (coming := self._next()) is not None:
                    self._read(*coming)
                    del coming  # a prompt has a cache of its own, which the batch's has copied
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

    def _next(self) -> tuple[Answer, Any] | None:
        with self._lock:
            return heapq.heappop(self._coming)[2:] if self._coming else None

    def _read(self, answer: Answer, prompt: Any) -> None:
        if answer.over:  # whoever asked has left
            answer.leave()
            return
        try:
            logits = np.asarray(self._cache.add(prompt), np.float32)
        except Exception as e:  # the runtime's own kinds; whoever waits for a word hears of it
            answer.fail(e)
            answer.leave()
            return
        self._written.append(answer)
        choose([answer], logits[None])
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

    def _give_up(self, why: BaseException) -> None:
        """Fail everybody, and be ready for whoever comes next."""
        with self._lock:
            answers = [*self._written, *(answer for _, _, answer, _ in self._coming)]
            self._written, self._coming, self._cache = [], [], self._new_cache()
            self._running = False
        for answer in answers:
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
