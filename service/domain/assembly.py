"""When is a study complete? A decision over what was seen of it; no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to wait for more of a study from one source."""

    quiet: timedelta = timedelta(seconds=2)
    """After the last association that carried the study was released."""
    silent: timedelta = timedelta(seconds=60)
    """After the last instance, while an association that carried the study is still open or was lost."""
    cap: timedelta = timedelta(minutes=15)
    """After the first instance, whatever else happens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """What is known of a study's arrival since its last manifest."""

    first_instance: datetime
    last_instance: datetime
    open_associations: int
    """Associations that carried the study and have neither ended nor been given up."""
    last_release: datetime | None


def complete(arrival: Arrival, patience: Patience, *, now: datetime) -> bool:
    """Whether the study is to be handed over now. A late image makes a further version."""
    if now - arrival.first_instance >= patience.cap:
        return True
    if arrival.open_associations:
        return False
    since = max(arrival.last_instance, arrival.last_release or arrival.last_instance)
    wait = patience.quiet if arrival.last_release else patience.silent
    return now - since >= wait


def complete_at(arrival: Arrival, patience: Patience) -> datetime:
    """When `complete` will become true if nothing more happens."""
    cap = arrival.first_instance + patience.cap
    if arrival.open_associations:
        return cap
    since = max(arrival.last_instance, arrival.last_release or arrival.last_instance)
    return min(cap, since + (patience.quiet if arrival.last_release else patience.silent))
