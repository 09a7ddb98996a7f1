"""Diary: writes what happens to associations into the ledger without letting the ledger stop the door."""

from __future__ import annotations

import queue
import threading
import time
from datetime import datetime

import structlog

from service.domain.errors import Unavailable
from service.domain.event import Event, EventKind
from service.ports.clock import Clock
from service.ports.ledger import Receiving

log = structlog.get_logger(__name__)

SAME_AGAIN_S = 60.0
"""A stranger that knocks all day long makes one event a minute."""
_MOST_TEXTS = 1000
_RETRY_S = 1.0

_Ending = tuple[str, str, datetime]


class Diary:
    """Endings are written by a thread of its own and again until the ledger takes them."""

    def __init__(self, ledger: Receiving, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()
        self._endings: queue.Queue[_Ending | None] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_endings, name="diary", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what can be written and end."""
        self._stopping.set()
        self._endings.put(None)
        self._thread.join(timeout=5)

    def close(self, association_id: str, how: str) -> None:
        self._endings.put((association_id, how, self._clock.now()))

    def turned_away(self, address: str, text: str) -> None:
        """Note a rejection, the same text at most once a minute."""
        log.warning("turned away", address=address)
        if not self._is_news(text):
            return
        try:
            self._ledger.note(Event(at=self._clock.now(), kind=EventKind.REJECTED, text=text))
        except Unavailable as why:
            log.warning("rejection not noted", reason=str(why))

    def _is_news(self, text: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if len(self._said) >= _MOST_TEXTS:
                self._said.clear()
            known = self._said.get(text)
            if known is not None and now - known < SAME_AGAIN_S:
                return False
            self._said[text] = now
            return True

    def _write_endings(self) -> None:
        while (ending := self._endings.get()) is not None:
            while not self._written(ending):
                if self._stopping.wait(_RETRY_S):
                    return

    def _written(self, ending: _Ending) -> bool:
        association_id, how, at = ending
        try:
            self._ledger.close_association(association_id, how=how, at=at)
        except Unavailable as why:
            log.warning("association not closed", reason=str(why))
            return False
        return True
