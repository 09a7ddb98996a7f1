"""What long-running processes share: a name, a heartbeat, a sweep, and an end."""

from __future__ import annotations

import os
import signal
import socket
import threading
from datetime import timedelta

from service.cli.ticker import Ticker
from service.flow.beat import beat, end_beat
from service.flow.sweep import sweep
from service.flow.withdraw import withdraw
from service.ports.services import Services

BEAT_EVERY_S = 5.0
SWEEP_LEASE = timedelta(seconds=10)


def name_of(process: str) -> str:
    """The process as leases and heartbeats name it: unique on a site."""
    return f"{process}@{socket.gethostname()}:{os.getpid()}"


def beating(services: Services, process: str) -> Ticker:
    """Tell the ledger every few seconds that this process is alive, and at its end that it is not."""
    return Ticker(
        "beat", lambda: beat(services, process), every_s=BEAT_EVERY_S, at_end=lambda: end_beat(services, process)
    )


def sweep_once(services: Services, holder: str) -> None:
    """One sweep, if no other process is at it."""
    turn = sweep(
        services.ledger,
        services.configurations,
        holder=holder,
        lease=SWEEP_LEASE,
        clock=services.clock,
        bell=services.bell,
    )
    if turn:
        withdraw(services)


def sweeping(services: Services, process: str) -> Ticker:
    """Sweep as long as this process lives."""
    holder = name_of(process)
    return Ticker("sweep", lambda: sweep_once(services, holder), every_s=services.settings.worker.sweep_s)


def until_told() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()
