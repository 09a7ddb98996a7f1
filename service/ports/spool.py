"""Spool: where bytes lie, durable, under names that no sender chose."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Protocol, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBytes:
    """Bytes that were fsynced under their final name; `location` is volume + key."""

    location: str
    sha256: str
    size: int


class Incoming(Protocol):
    """Bytes on their way in. Leaving the context without `keep` removes them."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, buffer: bytes | bytearray | memoryview) -> None:
        """Append `buffer`. Raises Full if the disk is full, Unavailable if it cannot be written."""
        ...

    def reread(self) -> BinaryIO:
        """What was written so far, from its beginning, for indexing before it is kept."""
        ...

    def keep(self) -> StoredBytes:
        """fsync, give the final name, fsync the folder. Raises Unavailable; then nothing was kept."""
        ...


class Spool(Protocol):
    """Content-addressed files; keeping the same bytes twice is harmless."""

    def incoming(self) -> Incoming:
        """Begin to receive. Raises Full below the disk reserve."""
        ...

    def open(self, location: str) -> BinaryIO:
        """Open kept bytes for reading. Raises Gone if they are not there, Unavailable if they cannot be read."""
        ...

    def remove(self, location: str) -> None:
        """Remove bytes that no row names any more; removing what is absent is harmless."""
        ...

    def has_room(self) -> bool:
        """Whether the disk is above the reserve."""
        ...

    def free_bytes(self) -> int:
        """Bytes free on the spool's volume."""
        ...
