"""The sweep: whatever a lost message, a killed process or a quiet clock left to do. Any process may do it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from service.domain.errors import Misconfigured
from service.domain.lane import FORWARD
from service.flow.assemble import assemble
from service.flow.wake import wake
from service.ports.bell import Bell
from service.ports.clock import Clock
from service.ports.configurations import Configurations
from service.ports.ledger import Ledger

SILENT_PROCESS = timedelta(seconds=30)
"""A receiving process that has not beaten for so long is gone, and its associations are lost."""


def sweep(
    ledger: Ledger, configurations: Configurations, *, holder: str, lease: timedelta, clock: Clock, bell: Bell
) -> bool:
    """Take back leases, hand over complete studies, ring for due lanes; returns whether it was this process's turn.

    One process sweeps at a time, by a lock with the database's clock; the others return at once. A bell that
    nobody hears is no error here: `preread sweep` works the lanes itself while the broker is away.
    """
    if not ledger.lock("sweep", holder, lease=lease):
        return False
    ledger.expire()
    ledger.lose_associations(older_than=SILENT_PROCESS)
    wake(bell, *[lane for lane in ledger.due_lanes() if not lane.startswith(FORWARD)])
    with suppress(Misconfigured):  # nothing was applied yet; studies wait
        assemble(ledger, configurations.active(), clock=clock, bell=bell)
    return True
