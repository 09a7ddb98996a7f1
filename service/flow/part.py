"""Part: one object of a request on its way into the spool, its file meta information replaced by ours."""

from __future__ import annotations

from collections.abc import Callable

from service.domain.errors import PrereadError, Unavailable, Unreadable
from service.ports.headers import Meta
from service.ports.spool import Incoming, Spool

MAX_META = 64 * 1024
"""Bytes of an object among which its file meta information is looked for."""


class TooLarge(Unavailable):
    """One object is larger than any that is taken."""


class Part:
    """Written piece by piece; what fails is kept for `whole`."""

    def __init__(
        self, *, spool: Spool, own_meta: Callable[[bytes], Meta | None], most: int, unwanted: PrereadError | None
    ) -> None:
        """`most` bytes are taken; `own_meta` gives what we write in place of its meta information, None to leave it;
        `unwanted` is why it is not even to be read."""
        self._spool, self._own_meta, self._most = spool, own_meta, most
        self._head = bytearray()
        self._incoming: Incoming | None = None
        self._size = 0
        self._error = unwanted
        self.meta: Meta | None = None

    def write(self, data: memoryview) -> None:
        self._size += len(data)
        if self._error is None:
            try:
                self._store(data)
            except PrereadError as error:
                self._error = error
                self.discard()

    def end(self) -> None:
        """Nothing more comes; what is smaller than a head is written now. What fails is kept, as in `write`."""
        if self._error is None and self._incoming is None:
            try:
                self._begin()
            except PrereadError as error:
                self._error = error
                self.discard()

    def whole(self) -> Incoming:
        """Everything is written. Raises what kept it from being so."""
        if self._error is not None:
            raise self._error
        assert self._incoming is not None
        return self._incoming

    def discard(self) -> None:
        """Remove what was written and not kept."""
        if self._incoming is not None:
            self._incoming.__exit__(None, None, None)
            self._incoming = None

    def _store(self, data: memoryview) -> None:
        if self._incoming is None:
            room = MAX_META - len(self._head)
            self._head += data[:room]
            data = data[room:]
            if len(self._head) >= MAX_META:
                self._begin()
        if self._size > self._most:
            raise TooLarge(f"An object is larger than {self._most} bytes (scp.max_object_bytes).")
        if self._incoming is not None and data:
            self._incoming.write(data)

    def _begin(self) -> None:
        if not self._head:
            raise Unreadable("A part of the request is empty.")
        head = bytes(self._head)
        self.meta = self._own_meta(head)
        self._incoming = self._spool.incoming()
        if self.meta is not None:
            self._incoming.write(self.meta.encoded)
            head = head[self.meta.replaces :]
        self._incoming.write(head)
        self._head.clear()
