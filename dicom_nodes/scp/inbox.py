"""Where a message's dataset goes, fragment by fragment: into the spool, never into memory."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage

from dicom_nodes.part10 import file_meta
from service.domain.errors import PrereadError, Unavailable, Unreadable
from service.ports.spool import Incoming

MAX_OTHER_DATASET = 64 * 1024
"""Bytes of a dataset that is no C-STORE's: no service here reads one."""
MAX_OVERRUN = 64 * 1024**2
"""Bytes beyond the largest object that are still read, and dropped, so that its sender can be answered."""


class TooMuch(Exception):
    """The sender goes on beyond every bound; the association is to be aborted."""


class Arriving:
    """One object on its way into the spool.

    A failure of the spool is kept in `error` and answered when the object is complete.
    """

    def __init__(self, *, begin: Callable[[], Incoming], meta: Callable[[], bytes], max_bytes: int) -> None:
        """`meta` gives the file meta information when the first bytes are there."""
        self._begin = begin
        self._meta = meta
        self._max_bytes = max_bytes
        self._size = 0
        self.incoming: Incoming | None = None
        self.error: PrereadError | None = None

    def write(self, fragment: memoryview) -> None:
        """Raises TooMuch for an object without end."""
        self._size += len(fragment)
        if self._size > self._max_bytes + MAX_OVERRUN:
            raise TooMuch(f"An object is larger than {self._max_bytes} bytes (max_object_bytes).")
        if self.error is None:
            try:
                self._store(fragment)
            except PrereadError as error:
                self.fail(error)

    def _store(self, fragment: memoryview) -> None:
        if self._size > self._max_bytes:
            raise Unavailable(f"The object is larger than {self._max_bytes} bytes (max_object_bytes).")
        if self.incoming is None:
            self.incoming = self._begin()
            self.incoming.write(self._meta())
        self.incoming.write(fragment)

    def fail(self, error: PrereadError) -> None:
        """Drop what was written; the rest of the message is read and dropped, too."""
        self.error = error
        self.discard()

    def discard(self) -> None:
        """Remove what was written and not kept."""
        if self.incoming is not None:
            self.incoming.__exit__(None, None, None)
            self.incoming = None


class Inbox(BytesIO):
    """A BytesIO for pynetdicom, a stream into the spool for a C-STORE request."""

    def __init__(
        self,
        message: DIMSEMessage,
        *,
        begin: Callable[[], Incoming],
        transfer_syntax: Callable[[int], str | None],
        max_bytes: int,
    ) -> None:
        super().__init__()
        self._message = message
        self._transfer_syntax = transfer_syntax
        self._other = 0
        self.arriving = Arriving(begin=begin, meta=self._meta, max_bytes=max_bytes)

    def write(self, fragment: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = memoryview(fragment)
        if isinstance(self._message, C_STORE_RQ):
            self.arriving.write(data)
            return len(data)
        self._other += len(data)
        if self._other > MAX_OTHER_DATASET:
            raise TooMuch(f"A request carries more than {MAX_OTHER_DATASET} bytes.")
        return super().write(data)

    def _meta(self) -> bytes:
        command = self._message.command_set
        syntax = self._transfer_syntax(self._message.context_id or 0)
        if syntax is None:
            raise Unreadable("The object was sent in a presentation context that was not accepted.")
        return file_meta(
            sop_class_uid=str(command.get("AffectedSOPClassUID", "")),
            sop_instance_uid=str(command.get("AffectedSOPInstanceUID", "")),
            transfer_syntax_uid=syntax,
        )


def arriving_in(dataset: object) -> Arriving | None:
    """What comes in as a request's dataset, if it has one."""
    return dataset.arriving if isinstance(dataset, Inbox) else None


def taken(arriving: Arriving | None, sender: str) -> Incoming:
    """What was written of an object, the caller's from now on. Raises what kept it from being written."""
    if arriving is not None and arriving.error is not None:
        raise arriving.error
    if arriving is None or arriving.incoming is None:
        raise Unreadable(f"{sender} sends an object without content")
    incoming, arriving.incoming = arriving.incoming, None
    return incoming
