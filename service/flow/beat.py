"""Beat: tell the ledger that this process is alive, and when it ends in order."""

from __future__ import annotations

import os
import socket

from service.ports.ledger import Beat
from service.ports.services import Services


def beat(services: Services, process: str) -> None:
    services.ledger.beat(_own(services, process))


def end_beat(services: Services, process: str) -> None:
    """After this nobody waits for the beat to age before they say that the process is gone."""
    services.ledger.end_beat(_own(services, process))


def _own(services: Services, process: str) -> Beat:
    return Beat(process=process, host=socket.gethostname(), pid=os.getpid(), at=services.clock.now())
