"""End a process whose answers stand still; whoever started it starts it again.

A generator that never returns, or a server that never takes a response, holds every answer behind it and looks healthy
from outside: Triton's Python backend has been seen to do so (knowledge.md, "silent model servers"). From inside it is
plain: answers are open, and nothing moves. The watch is the interpreter's own (faulthandler): it needs no lock and no
GIL, so it also ends a process in which Python itself waits for ever, and first writes where every thread stands.
"""

import faulthandler
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

REARM_EVERY_S = 1.0
"""Arming costs a thread, and a fast model writes a thousand tokens a second."""


class Stall:
    """Counts open answers and ends the process after `after_s` seconds in which none of them moved.

    One per process, as the interpreter has one such watch; 0 seconds watch nothing.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._lock = threading.Lock()
        self._open = 0
        self._armed_at = 0.0

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Wrap one answer, from its request to its last response."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def moved(self) -> None:
        """An answer made a step: a token was written, a response was taken."""
        if time.monotonic() - self._armed_at > REARM_EVERY_S:
            with self._lock:
                self._arm()

    def _count(self, by: int) -> None:
        with self._lock:
            self._open += by
            self._arm()

    def _arm(self) -> None:
        if not self._after_s:
            return
        self._armed_at = time.monotonic()
        if self._open:
            faulthandler.dump_traceback_later(self._after_s + REARM_EVERY_S, exit=True, file=sys.__stderr__)
        else:
            faulthandler.cancel_dump_traceback_later()
