"""Ticker: a thread that does something now and then until the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from service.domain.errors import Unavailable

log = structlog.get_logger("preread.ticker")


class Ticker:
    """Calls `act` every `every_s` seconds; what is away now is tried again at the next tick.

    `at_end` is called once, when it is stopped.
    """

    def __init__(
        self, name: str, act: Callable[[], object], *, every_s: float, at_end: Callable[[], object] = lambda: None
    ) -> None:
        self._act, self._every_s, self._at_end = act, every_s, at_end
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Ticker:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._done.set()
        self._thread.join(timeout=30)
        self._tick(self._at_end)

    def _run(self) -> None:
        while True:
            self._tick(self._act)
            if self._done.wait(self._every_s):
                return

    def _tick(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Unavailable as error:
            log.warning("put off", ticker=self._thread.name, reason=str(error))
        except Exception:  # boundary: a tick that fails must not end all later ones
            log.exception("tick failed", ticker=self._thread.name)
