"""Whose turn it is: a few answers at once, the rest waits, the most urgent first."""

import itertools
import logging
import math
import queue
import threading
import time
from collections.abc import Callable

Work = Callable[[], None]
Stop = Callable[[], str]
"""Why an answer is to end now: "cancelled", "deadline", or "" to go on."""

log = logging.getLogger("preread.turns")


def never() -> str:
    """A request that nobody stops."""
    return ""


BELIEVED_S = 0.005
"""How long it is believed that nobody has cancelled: asking is a message to Triton and back."""

LAST = 1 << 31
"""Behind every priority: the places themselves end."""


class Turns:
    """`places` threads that take waiting work, lowest priority number first, then as it came.

    What runs is not interrupted: one urgent question waits for a free place, never for the queue.
    """

    def __init__(self, places: int) -> None:
        self._waiting: queue.PriorityQueue[tuple[int, int, Work | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._places = [threading.Thread(target=self._work, name=f"answer-{n}", daemon=True) for n in range(places)]
        for place in self._places:
            place.start()

    def submit(self, priority: int, work: Work, *, over: bool = False) -> None:
        """Have `work` done in its turn; here and at once if it is `over` before it began: it takes no time."""
        if over:
            work()
        else:
            self._waiting.put((priority, next(self._order), work))

    def close(self) -> None:
        """Do what waits, then end."""
        for _ in self._places:
            self._waiting.put((LAST, next(self._order), None))
        for place in self._places:
            place.join()

    def _work(self) -> None:
        while True:
            _, _, work = self._waiting.get()
            if work is None:
                return
            try:
                work()
            except Exception:  # boundary: whoever waits has been told what could be told; the place goes on
                log.exception("an answer could not be sent")


def stopper(
    cancelled: Callable[[], bool], deadline_s: float | None, *, now: Callable[[], float] = time.monotonic
) -> Stop:
    """Return what tells an answer to end: `deadline_s` seconds from here, or BELIEVED_S after it is cancelled."""
    until = math.inf if deadline_s is None else now() + deadline_s
    ask_at = -math.inf

    def why() -> str:
        nonlocal ask_at
        over = now() > until
        if over or now() >= ask_at:
            if cancelled():
                return "cancelled"
            ask_at = now() + BELIEVED_S
        return "deadline" if over else ""

    return why
