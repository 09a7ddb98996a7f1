"""Viewing: headers, frames and pictures by pydicom in a bounded child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from pydicom.uid import UID

from service.adapters.bounded import PIXEL_BOUNDS, Bounded, Reply
from service.domain.study import StoredInstance
from service.ports.viewing import Look, SentFrame


class PydicomViewing:
    """`service.ports.viewing.Viewing`; children are started at the first question and live as long as this object."""

    def __init__(self, opener: Callable[[str], BinaryIO], *, children: int = 2) -> None:
        self._opener = opener
        self._bounded = Bounded(PIXEL_BOUNDS, children=children)

    def open(self, stored: StoredInstance) -> BinaryIO:
        return self._opener(stored.location)

    def decoded(self, stored: StoredInstance) -> bytearray:
        return self._ask("decoded object", stored).body

    def metadata(self, stored: StoredInstance, *, base: str) -> bytearray:
        return self._ask("metadata", stored, base=base).body

    def bulk(self, stored: StoredInstance, path: str) -> bytearray:
        return self._ask("bulk data", stored, path=path).body

    def frame(self, stored: StoredInstance, number: int, *, as_stored: bool) -> SentFrame:
        reply = self._ask("sent frame", stored, frame=number, as_stored=as_stored)
        return SentFrame(reply.body, UID(reply.head["syntax"]))

    def picture(self, stored: StoredInstance, number: int, look: Look) -> bytearray:
        how = {"png": look.png, "quality": look.quality, "window": look.window, "viewport": look.viewport}
        return self._ask("picture", stored, frame=number, **how).body

    def close(self) -> None:
        """End the children."""
        self._bounded.close()

    def _ask(self, what: str, stored: StoredInstance, **arguments: Any) -> Reply:
        with self._opener(stored.location) as part10:
            return self._bounded.ask(what, part10, arguments)
