"""Forwarder: originals leave for their destinations as they arrive, with no worker, broker or model (invariant 5)."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import structlog

from service.domain.errors import Unavailable
from service.domain.lane import FORWARD, forward_lane
from service.flow.deliver import Connect, deliver
from service.ports.clock import Clock
from service.ports.configurations import Configurations
from service.ports.ledger import Ledger

log = structlog.get_logger("preread.forward")

LONGEST_PAUSE_S = 30.0
"""Between two tries after failures that nobody foresaw."""


class Forwarder:
    """One thread per destination, so that a slow one delays no other; woken by each arrival."""

    def __init__(
        self,
        *,
        worker: str,
        ledger: Ledger,
        configurations: Configurations,
        connect: Connect,
        clock: Clock,
        first_pause_s: float = 1.0,
    ) -> None:
        """`first_pause_s` follows a failure; it doubles with each further one, up to LONGEST_PAUSE_S."""
        self._worker, self._ledger, self._configurations = worker, ledger, configurations
        self._connect, self._clock, self._first_pause_s = connect, clock, first_pause_s
        self._bells: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._starting = threading.Lock()

    def wake(self, destination: str) -> None:
        """Look at this destination's lane now; the first call for a destination starts its thread."""
        with self._starting:
            if destination not in self._bells:
                self._bells[destination] = threading.Event()
                name = f"forward {destination}"
                thread = threading.Thread(target=self._run, args=(destination,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._bells[destination].set()

    def resume(self, destinations: Iterable[str]) -> None:
        """Start with what a former process left behind."""
        for destination in destinations:
            self.wake(destination)

    def look(self) -> None:
        """Wake every lane of originals that is due, also one whose destination left the configuration.

        Raises Unavailable if the ledger is away.
        """
        self.resume(lane.removeprefix(FORWARD) for lane in self._ledger.due_lanes() if lane.startswith(FORWARD))

    def stop(self) -> None:
        """Let every thread end its batch."""
        self._stopping.set()
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self, destination: str) -> None:
        bell = self._bells[destination]
        pause_s = self._first_pause_s
        while not self._stopping.is_set():
            bell.wait(timeout=1)
            bell.clear()
            try:
                self._drain(destination)
                pause_s = self._first_pause_s
            except Exception:  # boundary: nothing that one batch meets may end forwarding to its destination
                log.exception("forwarding failed", destination=destination, again_in_s=pause_s)
                self._stopping.wait(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _drain(self, destination: str) -> None:
        try:
            while not self._stopping.is_set() and deliver(
                forward_lane(destination),
                worker=self._worker,
                ledger=self._ledger,
                configuration=self._configurations.active().configuration,
                connect=self._connect,
                clock=self._clock,
            ):
                pass
        except Unavailable as error:
            log.warning("forwarding waits", destination=destination, reason=str(error))
