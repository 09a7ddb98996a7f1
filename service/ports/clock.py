"""Clock: the only way to the time of day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Instants are aware UTC; the site's zone is for results and for rules about the time of day."""

    zone: ZoneInfo

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock in the site's zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def now(self) -> datetime:
        return datetime.now(UTC)


class StoppedClock:
    """A clock for tests: it moves when it is told to."""

    def __init__(self, at: datetime, zone: ZoneInfo = ZoneInfo("Europe/Berlin")) -> None:  # noqa: B008 - immutable
        self.at = at
        self.zone = zone

    def now(self) -> datetime:
        return self.at
