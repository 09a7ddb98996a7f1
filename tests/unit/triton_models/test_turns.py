"""Whose turn it is, and when an answer is to end."""

from __future__ import annotations

import threading
from functools import partial

from tests.unit.triton_models.by_path import load

turns = load("engine/turns.py")


def test_the_urgent_goes_before_what_waits_and_equals_go_as_they_came() -> None:
    order: list[str] = []
    waits, begun, let_go = turns.Turns(1), threading.Event(), threading.Event()

    def run() -> None:
        begun.set()
        let_go.wait(60)
        order.append("running")

    waits.submit(2, run)
    begun.wait(60)
    for name in ("routine 1", "routine 2"):
        waits.submit(2, partial(order.append, name))
    waits.submit(0, lambda: order.append("stat"))
    let_go.set()
    waits.close()
    assert order == ["running", "stat", "routine 1", "routine 2"]


def test_what_is_over_before_it_began_waits_for_no_place() -> None:
    order: list[str] = []
    waits, let_go = turns.Turns(1), threading.Event()
    waits.submit(0, lambda: order.append("its turn") if let_go.wait(60) else None)
    waits.submit(9, lambda: order.append("over"), over=True)
    assert order == ["over"]
    let_go.set()
    waits.close()
    assert order == ["over", "its turn"]


def test_a_place_survives_what_goes_wrong_in_it() -> None:
    order: list[str] = []
    waits = turns.Turns(1)
    waits.submit(1, lambda: 1 / 0)
    waits.submit(1, lambda: order.append("next"))
    waits.close()
    assert order == ["next"]


def test_an_answer_ends_when_it_is_cancelled_or_past_its_deadline() -> None:
    now, cancelled = [100.0], [False]
    stop = turns.stopper(lambda: cancelled[0], 5.0, now=lambda: now[0])
    assert stop() == ""
    now[0] = 105.1
    assert stop() == "deadline"
    cancelled[0] = True
    assert stop() == "cancelled"
    assert turns.stopper(lambda: False, None)() == ""


def test_whether_it_is_cancelled_is_asked_once_in_some_milliseconds() -> None:
    now, asked = [100.0], [0]

    def cancelled() -> bool:
        asked[0] += 1
        return asked[0] > 2

    stop = turns.stopper(cancelled, None, now=lambda: now[0])
    assert [stop(), stop(), stop()] == [""] * 3
    assert asked == [1]
    now[0] += turns.BELIEVED_S
    assert [stop(), asked[0]] == ["", 2]
    now[0] += turns.BELIEVED_S
    assert [stop(), stop()] == ["cancelled"] * 2
