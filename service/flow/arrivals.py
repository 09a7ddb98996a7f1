"""Arrivals: what comes in for one question, bounded in bytes, and gone when the question ends unless it was kept."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import BinaryIO, Self

from service.domain.errors import Unavailable
from service.ports.spool import Incoming, Spool, StoredBytes


class Arrivals:
    """Begins objects in the spool; several threads may write. Who writes on after the end gets Unavailable."""

    def __init__(self, spool: Spool, *, source: str, max_object_bytes: int, max_bytes: int) -> None:
        """`source` is what the words of an error call the sender. What was begun and left counts, too."""
        self.source = source
        self.max_object_bytes = max_object_bytes
        self._spool = spool
        self._max_bytes = max_bytes
        self._came_bytes = 0
        self._lock = threading.Lock()
        self._open: set[Incoming] = set()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended, left = True, list(self._open)
        for incoming in left:
            incoming.__exit__(None, None, None)

    def begin(self) -> Incoming:
        """Raises Unavailable once the question has ended, or below the disk's reserve."""
        begun = _Weighed(self, self._spool.incoming())
        with self._lock:
            if not self._ended:
                self._open.add(begun)
                return begun
        begun.__exit__(None, None, None)
        raise Unavailable("The question has ended.")

    def weigh(self, size_bytes: int, more_bytes: int) -> None:
        """`more_bytes` are about to make an object of `size_bytes`. Raises Unavailable where that is too much."""
        if size_bytes > self.max_object_bytes:
            raise Unavailable(
                f"{self.source} sends an object of more than {self.max_object_bytes} bytes (max_object_bytes)"
            )
        with self._lock:
            self._came_bytes += more_bytes
            if self._came_bytes > self._max_bytes:
                raise Unavailable(f"{self.source} sends more than {self._max_bytes} bytes (max_bytes)")

    def forget(self, incoming: Incoming) -> None:
        with self._lock:
            self._open.discard(incoming)


class _Weighed:
    """`service.ports.spool.Incoming`, weighed while it is written."""

    def __init__(self, arrivals: Arrivals, incoming: Incoming) -> None:
        self._arrivals = arrivals
        self._incoming = incoming
        self._size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._incoming.__exit__(kind, error, trace)
        self._arrivals.forget(self)

    def write(self, buffer: bytes | bytearray | memoryview) -> None:
        more_bytes = memoryview(buffer).nbytes
        self._size_bytes += more_bytes
        self._arrivals.weigh(self._size_bytes, more_bytes)
        self._incoming.write(buffer)

    def reread(self) -> BinaryIO:
        return self._incoming.reread()

    def keep(self) -> StoredBytes:
        kept = self._incoming.keep()
        self._arrivals.forget(self)
        return kept
