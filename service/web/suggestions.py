"""Suggestions: completions that are being written, of each person the newest alone, and those that await an answer."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from fastapi import HTTPException

from service.domain.said import say
from service.flow.complete import Completion, Place, Reading
from service.ports.halt import Halt

MAX_WRITING = 4
"""Completions that are written at once; more would wait in the model's queue, before readings."""
MAX_OFFERED = 1000
"""Completions that nobody has answered and that are remembered, the newest ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A whole completion as it was shown to a person."""

    who: Hashable
    study_uid: str
    reading: Reading
    place: Place
    completion: Completion


class Suggestions:
    """Those of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing: dict[Hashable, Halt] = {}
        self._offered: OrderedDict[str, Offer] = OrderedDict()

    def begin(self, who: Hashable) -> Halt:
        """Take the former question of `who` back, and return what takes the new one back. Raises 503."""
        halt = Halt()
        with self._lock:
            former = self._writing.pop(who, None)
            full = len(self._writing) >= MAX_WRITING
            if not full:
                self._writing[who] = halt
        if former:
            former()
        if full:
            raise HTTPException(503, say("Models are answering others right now. Try again shortly."))
        return halt

    def end(self, who: Hashable, halt: Halt) -> None:
        """It is written, or nobody waits for it any more."""
        halt()
        with self._lock:
            if self._writing.get(who) is halt:
                del self._writing[who]

    def offer(self, offer: Offer) -> str:
        """Remember it for an answer; returns its name."""
        name = secrets.token_urlsafe(12)
        self._offered[name] = offer
        while len(self._offered) > MAX_OFFERED:
            self._offered.popitem(last=False)
        return name

    def answered(self, name: str, who: Hashable) -> Offer:
        """The offer of that name, which can be answered once. Raises 404."""
        with self._lock:
            offer = self._offered.get(name)
            if offer is None or offer.who != who:
                raise HTTPException(404, say("This completion was answered already, or was not offered to you."))
            return self._offered.pop(name)
