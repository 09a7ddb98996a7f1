"""An answer between the thread that writes it and the one that takes it."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import engine

answer, batch, contract = engine("answer"), engine("batch"), engine("contract")

END = 3


def never() -> str:
    return ""


def begun(limit: int = 10, constraint: Any = None) -> Any:
    return answer.Answer(limit=limit, ends=frozenset({END}), constraint=constraint)


def choose(one: Any, *logits: float) -> None:
    batch.choose([one], np.array([logits], np.float32))


def test_the_likeliest_token_is_taken_with_its_probability() -> None:
    one = begun()
    choose(one, 0, 2, 1, 0)
    ((token, logprob),), finish = one.take(never)
    assert (token, finish) == (1, "")
    shares = np.exp([0.0, 2.0, 1.0, 0.0])
    assert logprob == pytest.approx(np.log(shares[1] / shares.sum()), abs=1e-6)


@pytest.mark.parametrize(("limit", "tokens", "finish"), [(10, [1, END], "stop"), (2, [1, 1], "length")])
def test_it_ends_with_an_end_token_or_at_its_limit_and_takes_no_more(
    limit: int, tokens: list[int], finish: str
) -> None:
    one = begun(limit)
    for token in [*tokens, 2]:
        choose(one, *np.eye(4)[token])
    steps, why = one.take(never)
    assert ([token for token, _ in steps], why) == (tokens, finish)


def test_the_first_token_is_handed_on_at_once_and_later_ones_gather() -> None:
    one = begun()
    choose(one, 1, 0, 0, 0)
    before = time.monotonic()
    assert len(one.take(never)[0]) == 1
    for _ in range(3):
        choose(one, 1, 0, 0, 0)
    assert len(one.take(never)[0]) == 3
    assert time.monotonic() - before >= answer.GATHER_S


def test_the_end_is_told_without_waiting_for_more_to_gather() -> None:
    one, told = begun(), list[str]()
    choose(one, 1, 0, 0, 0)
    one.take(never)
    one._wanted_at = time.monotonic() + 60
    taker = threading.Thread(target=lambda: told.append(one.take(never)[1]))
    taker.start()
    choose(one, *np.eye(4)[END])
    taker.join(50)
    assert told == ["stop"]


def test_whoever_waits_is_asked_whether_the_answer_is_still_wanted() -> None:
    one = begun()
    assert one.take(lambda: "cancelled") == ([], "cancelled")
    choose(one, 1, 0, 0, 0)
    assert one.take(never) == ([], "cancelled"), "what comes too late is not told"


def test_logits_that_are_no_numbers_are_an_error_after_the_tokens_before() -> None:
    one = begun()
    choose(one, 1, 0, 0, 0)
    choose(one, np.nan, 0, 0, 0)
    assert [token for token, _ in one.take(never)[0]] == [0]
    with pytest.raises(RuntimeError, match="not numbers"):
        one.take(never)


def test_a_form_forbids_what_is_likelier_and_leaves_the_probability_as_the_model_has_it() -> None:
    taken: list[int] = []
    form = SimpleNamespace(allowed=lambda count: np.arange(count) == 2, take=taken.append)
    one = begun(constraint=form)
    choose(one, 5, 0, 1, 0)
    ((token, logprob),), _ = one.take(never)
    assert (token, taken) == (2, [2])
    assert logprob == pytest.approx(1 - np.log(np.exp([5.0, 0, 1, 0]).sum()), abs=1e-6)


def test_a_form_that_breaks_off_ends_its_own_answer_alone() -> None:
    def refuse(count: int) -> Any:
        raise contract.ContractError("guidance refused: too large")

    broken, whole = begun(constraint=SimpleNamespace(allowed=refuse, take=None)), begun()
    batch.choose([broken, whole], np.eye(4, dtype=np.float32)[[1, 1]])
    with pytest.raises(contract.ContractError, match="too large"):
        broken.take(never)
    assert [token for token, _ in whole.take(never)[0]] == [1]


def test_one_that_sends_slowly_is_asked_too_whether_the_answer_is_wanted() -> None:
    one = begun()
    choose(one, 1, 0, 0, 0)
    one.take(never)
    choose(one, 1, 0, 0, 0)
    one._wanted_at = 0.0  # sending took longer than tokens gather
    steps, finish = one.take(lambda: "deadline")
    assert (len(steps), finish) == (1, "deadline")
