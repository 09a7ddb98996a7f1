"""Answers that are written together: who is there at each step, and who has gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import engine

answer, batch = engine("answer"), engine("batch")

WORDS, END = 50, 49
TIMES = 20


class Counting:
    """A decoder that says one more than it was told last, up to the number that its prompt names; then it ends."""

    def __init__(self) -> None:
        self.ends_at: list[int] = []
        self.steps: list[list[int]] = []
        self.fails_at = -1
        self.may_step = threading.Event()
        self.may_step.set()

    def add(self, prompt: tuple[int, int]) -> Any:
        first, last = prompt
        if first < 0:
            raise MemoryError("no row is left")
        self.ends_at.append(last)
        return self._says(first, last)

    def step(self, tokens: Sequence[int]) -> Any:
        self.may_step.wait(60)
        self.steps.append(list(tokens))
        if self.fails_at in tokens:
            raise RuntimeError("the runtime broke")
        return np.stack([self._says(token + 1, last) for token, last in zip(tokens, self.ends_at, strict=True)])

    def remove(self, at: int) -> None:
        self.ends_at[at] = self.ends_at[-1]
        del self.ends_at[-1]

    def _says(self, token: int, last: int) -> Any:
        return np.eye(WORDS, dtype=np.float32)[END if token > last else token]


def cache_of(cache: Counting) -> Callable[[], Counting]:
    return lambda: cache


def whole(one: Any) -> tuple[list[int], str]:
    """All tokens of an answer, and why it ended."""
    tokens, finish = list[int](), ""
    while not finish:
        steps, finish = one.take(lambda: "")
        tokens += [token for token, _ in steps]
    return tokens, finish


def join(written: Any, first: int, last: int, limit: int = WORDS) -> Any:
    one = answer.Answer(limit=limit, ends=frozenset({END}), constraint=None)
    written.join(one, (first, last))
    return one


def test_answers_of_different_lengths_end_for_themselves_and_do_not_mix() -> None:
    cache = Counting()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    asked = [(10 * number, 10 * number + length) for number, length in enumerate((7, 3, 4, 8))]
    answers = [join(written, *one) for one in asked]
    cache.may_step.set()
    for (first, last), one in zip(asked, answers, strict=True):
        assert whole(one) == ([*range(first, last + 1), END], "stop")
    assert max(len(step) for step in cache.steps) == len(asked), "they were written together"
    assert sum(len(step) for step in cache.steps) == sum(last - first + 1 for first, last in asked), (
        "and not for longer"
    )
    assert cache.ends_at == []


def test_a_prompt_is_read_between_two_steps_of_those_that_are_written() -> None:
    cache = Counting()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    answers = [join(written, first, first + 5) for first in (0, 10, 20)]
    cache.may_step.set()
    assert [whole(one)[1] for one in answers] == ["stop"] * 3
    assert cache.steps[:3] == [[0], [1, 10], [2, 11, 20]]


def test_one_that_nobody_wants_any_more_leaves_the_others() -> None:
    cache = Counting()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    left, stays, unread = join(written, 0, 40), join(written, 10, 14), join(written, 30, 40)
    unread.end("cancelled")
    left.end("cancelled")
    cache.may_step.set()
    assert whole(stays) == ([10, 11, 12, 13, 14, END], "stop")
    assert all(40 not in step and 30 not in step for step in cache.steps)


def test_a_step_that_fails_is_told_to_all_that_are_in_it_and_the_next_are_answered() -> None:
    cache = Counting()
    cache.fails_at = 12
    written = batch.Batch(cache_of(cache))
    one = join(written, 10, 20)
    with pytest.raises(RuntimeError, match="the runtime broke"):
        whole(one)
    cache.fails_at = -1
    assert whole(join(written, 10, 13)) == ([10, 11, 12, 13, END], "stop")


def test_a_prompt_that_cannot_be_read_is_told_to_its_own_answer() -> None:
    cache = Counting()
    written = batch.Batch(cache_of(cache))
    stays, refused = join(written, 0, 30), join(written, -1, 3)
    with pytest.raises(MemoryError, match="no row"):
        whole(refused)
    assert whole(stays) == ([*range(31), END], "stop")


def test_its_thread_ends_with_the_last_answer_and_comes_again_with_the_next() -> None:
    written = batch.Batch(Counting)
    for number in range(TIMES):
        assert whole(join(written, number, number)) == ([number, END], "stop")
    for thread in [one for one in threading.enumerate() if one.name == "batch"]:
        thread.join(60)
        assert not thread.is_alive()


def test_many_that_come_and_go_at_once_get_each_their_own() -> None:
    written, found = batch.Batch(Counting), dict[int, list[int]]()

    def ask(number: int) -> None:
        found[number] = whole(join(written, number, number + number % 7))[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: [*range(number, number + number % 7 + 1), END] for number in range(40)}


def test_what_nobody_foresaw_in_one_answer_is_told_to_it_alone() -> None:
    def broken(count: int) -> Any:
        raise ValueError("llguidance broke")

    written = batch.Batch(Counting)
    form = SimpleNamespace(allowed=broken, take=None)
    one = answer.Answer(limit=9, ends=frozenset({END}), constraint=form)
    stays = join(written, 10, 30)
    written.join(one, (0, 9))
    with pytest.raises(ValueError, match="llguidance broke"):
        whole(one)
    assert whole(stays) == ([*range(10, 31), END], "stop")


def test_a_thread_that_dies_fails_its_answers_and_the_next_is_answered() -> None:
    cache = Counting()
    cache.may_step.clear()
    caches = [Counting(), cache]
    written = batch.Batch(caches.pop)
    first = join(written, 0, 20)
    first.take(lambda: "")
    second = join(written, 10, 20)
    cache.remove = None  # type: ignore[assignment,method-assign]  # not even letting go works
    first.end("cancelled")
    cache.may_step.set()
    with pytest.raises(RuntimeError, match="broke off"):
        whole(second)
    second.wait()
    assert whole(join(written, 10, 12)) == ([10, 11, 12, END], "stop")


def test_the_most_urgent_prompt_is_read_first() -> None:
    cache = Counting()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    answers = [join(written, 0, 8)]
    for number, priority in ((10, 2), (20, 9), (30, 0)):
        one = answer.Answer(limit=WORDS, ends=frozenset({END}), constraint=None)
        written.join(one, (number, number + 4), priority)
        answers.append(one)
    cache.may_step.set()
    assert [whole(one)[1] for one in answers] == ["stop"] * 4
    came = [token for step in cache.steps for token in step if token in (10, 20, 30)]
    assert came == [30, 10, 20]


def test_whoever_waits_for_the_end_goes_on_when_nothing_is_kept_of_the_answer() -> None:
    cache = Counting()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    one = join(written, 0, 40)
    one.end("cancelled")
    waiting = threading.Thread(target=one.wait)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive() or cache.ends_at == []
    cache.may_step.set()
    waiting.join(60)
    assert not waiting.is_alive()
    assert cache.ends_at == []
