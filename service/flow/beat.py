"""Beat: tell the ledger that this process is alive."""

from __future__ import annotations

import os
import socket

from service.ports.ledger import Beat
from service.ports.services import Services


def beat(services: Services, process: str) -> None:
    services.ledger.beat(Beat(process=process, host=socket.gethostname(), pid=os.getpid(), at=services.clock.now()))
