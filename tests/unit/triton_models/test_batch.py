"""Answers that are written together: who is there at each step, and who has gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import engine

alone, answer, batch, room_ = engine("alone"), engine("answer"), engine("batch"), engine("room")
turns = engine("turns")

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

    def admit(self, prompt: tuple[int, int], turn: Any) -> bool:
        return True

    def read(self, prompt: tuple[int, int]) -> Any:
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

    def drop(self, prompt: tuple[int, int], turn: Any) -> None:
        pass

    def clear(self) -> None:
        self.ends_at.clear()

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


class Long:
    """A prompt of several pieces; which of them are read and what happens between them is written down."""

    def __init__(self, name: str, pieces: int, first: int = 0, last: int = 0) -> None:
        self.name, self.left, self.answer = name, pieces, (first, last)
        self.longest, self.inside = 10, False


class Piecewise(Counting):
    """A decoder that reads prompts in pieces, and has memory for a number of prompts and answers."""

    def __init__(self, places: int = 99) -> None:
        super().__init__()
        self.told: list[str] = []
        self.places, self.admitted = places, 0
        self.reached, self.may_read = threading.Event(), threading.Event()
        self.may_read.set()

    def admit(self, prompt: Any, turn: Any) -> bool:
        prompt.inside = self.admitted < self.places
        self.admitted += prompt.inside
        return bool(prompt.inside)

    def read(self, prompt: Any) -> Any:
        self.told.append(f"read {prompt.name}")
        self.reached.set()
        self.may_read.wait(5)
        prompt.left -= 1
        return None if prompt.left else super().read(prompt.answer)

    def step(self, tokens: Sequence[int]) -> Any:
        self.told.append("step")
        return super().step(tokens)

    def remove(self, at: int) -> None:
        super().remove(at)
        self.admitted -= 1

    def drop(self, prompt: Any, turn: Any) -> None:
        self.told.append(f"drop {prompt.name}")
        self.admitted -= prompt.inside


def ask(written: Any, prompt: Long, priority: int = 2) -> Any:
    one = answer.Answer(limit=WORDS, ends=frozenset({END}), constraint=None)
    written.join(one, prompt, priority)
    return one


@pytest.fixture
def reading() -> tuple[Any, Piecewise, Any]:
    """A batch in the middle of a prompt of three pieces, the first of which is being read until `may_read` is set."""
    cache = Piecewise()
    cache.may_read.clear()
    written = batch.Batch(cache_of(cache))
    one = ask(written, Long("long", 3, 0, 2))
    assert cache.reached.wait(5)
    return written, cache, one


def test_between_two_pieces_of_a_prompt_those_that_are_written_take_a_step_and_whoever_watches_hears_of_it() -> None:
    cache, heard = Piecewise(), list[str]()
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache), lambda: heard.append("moved"))
    short = ask(written, Long("short", 1, 0, 9))
    long = ask(written, Long("long", 4, 20, 22))
    cache.may_step.set()
    assert whole(short) == ([*range(10), END], "stop")
    assert whole(long) == ([20, 21, 22, END], "stop")
    assert cache.told[:9] == ["read short", "step", *["read long", "step"] * 3, "read long"]
    assert len(heard) == 5


def test_an_urgent_prompt_is_read_before_the_rest_of_one_that_is_begun(reading: tuple[Any, Piecewise, Any]) -> None:
    written, cache, long = reading
    urgent = ask(written, Long("urgent", 2, 20, 21), priority=0)
    cache.may_read.set()
    assert whole(urgent) == ([20, 21, END], "stop")
    assert whole(long) == ([0, 1, 2, END], "stop")
    read = [told for told in cache.told if told != "step"]
    assert read == ["read long", "read urgent", "read urgent", "read long", "read long"]


@pytest.mark.parametrize("why", ["cancelled", "deadline"])
def test_one_that_ends_in_the_middle_of_its_prompt_leaves_and_nothing_is_kept(
    reading: tuple[Any, Piecewise, Any], why: str
) -> None:
    written, cache, long = reading
    other = ask(written, Long("other", 2, 20, 21))
    stop = turns.stopper(lambda: why == "cancelled", -1.0 if why == "deadline" else None)
    assert long.take(stop) == ([], why)
    cache.may_read.set()
    long.wait()
    assert whole(other) == ([20, 21, END], "stop")
    other.wait()
    assert cache.told.count("read long") == 1
    assert "drop long" in cache.told
    assert cache.admitted == 0


def test_what_a_piece_fails_with_is_told_to_its_own_answer(reading: tuple[Any, Piecewise, Any]) -> None:
    written, cache, long = reading
    refused = ask(written, Long("refused", 1, -1))
    cache.may_read.set()
    with pytest.raises(MemoryError, match="no row"):
        whole(refused)
    assert whole(long) == ([0, 1, 2, END], "stop")
    long.wait()
    refused.wait()
    assert cache.admitted == 0


def test_whoever_finds_no_memory_waits_until_others_have_left_and_nobody_overtakes_but_the_more_urgent() -> None:
    cache = Piecewise(places=1)
    cache.may_step.clear()
    written = batch.Batch(cache_of(cache))
    running, first, second = (ask(written, Long(name, 2, 0, 4)) for name in ("running", "first", "second"))
    urgent = ask(written, Long("urgent", 1, 20, 21), priority=0)
    left = ask(written, Long("left", 1, 30, 31))
    left.end("cancelled")
    cache.may_step.set()
    assert whole(running) == ([*range(5), END], "stop")
    assert whole(urgent)[0] == [20, 21, END]
    for one in (first, second):
        assert whole(one) == ([*range(5), END], "stop")
    order = [told.split()[1] for told in cache.told if told.startswith("read")]
    assert order in (["running"] * 2 + ["urgent"] + ["first"] * 2 + ["second"] * 2,
                     ["urgent"] + ["running"] * 2 + ["first"] * 2 + ["second"] * 2)  # fmt: skip


class Few(Long):
    """What writes the prompt's answer alone, as the readers of GenAI and of told decoders do."""

    def read(self) -> Any:
        return np.eye(WORDS, dtype=np.float32)[self.answer[0]]

    def step(self, token: int) -> Any:
        return np.eye(WORDS, dtype=np.float32)[END if token + 1 > self.answer[1] else token + 1]


def test_answers_in_batches_of_their_own_wait_for_the_same_memory() -> None:
    room = room_.Room(2 * alone.Alone.COPIES * 10 / (1 << 20))
    answers = []
    for number in range(12):
        one = answer.Answer(limit=WORDS, ends=frozenset({END}), constraint=None)
        batch.Batch(lambda: alone.Alone(room)).join(one, Few("few", 1, number, number + 3))
        answers.append(one)
    for number, one in enumerate(answers):
        assert whole(one) == ([*range(number, number + 4), END], "stop")
        one.wait()
    assert room.taken == 0


def test_one_for_which_there_will_never_be_memory_is_told_how_much_there_is() -> None:
    written = batch.Batch(lambda: alone.Alone(room_.Room(1, 1 << 20, model="tiny")))
    one = ask(written, Few("few", 1))
    with pytest.raises(
        engine("contract").ContractError, match=r"takes 20 MB and the card of tiny leaves 1 for answers"
    ):
        whole(one)
    one.wait()
