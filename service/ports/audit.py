"""Audit: a tamper-evident record of who touched whose data (PS3.15 A.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.domain.audit import AuditEvent


class Audit(Protocol):
    def record(self, event: AuditEvent) -> None:
        """Append to this process's hash chain. Raises Unavailable if it cannot be written."""
        ...


class AuditTrail(Protocol):
    """Reads the record back; apart from `Audit`, because few processes may."""

    def recent(self, *, limit: int = 200) -> Sequence[AuditEvent]:
        """Newest first, over all processes of this host."""
        ...

    def seal(self, *, at: datetime) -> str:
        """Write down where every chain ends, so that cutting one short shows; returns that text."""
        ...

    def breaks(self) -> Sequence[str]:
        """In words, every place where the record was changed, cut or added to; empty if nowhere."""
        ...


class MemoryAudit:
    """A fake for unit tests."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        self.events.append(event)

    def recent(self, *, limit: int = 200) -> Sequence[AuditEvent]:
        return tuple(reversed(self.events[-limit:]))

    def seal(self, *, at: datetime) -> str:
        return f"{len(self.events)} events at {at.isoformat()}"

    def breaks(self) -> Sequence[str]:
        return ()
