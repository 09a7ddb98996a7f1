"""Node watch: which destinations answered, and when; asked by button and once a minute."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from starlette.concurrency import run_in_threadpool

from service.domain.errors import Misconfigured, PrereadError, Unavailable
from service.domain.node import DestinationNode
from service.domain.said import say
from service.ports.catalogue import Catalogue
from service.ports.clock import Clock
from service.ports.configurations import Configurations
from service.ports.nodes import Nodes

EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeState:
    """A destination as this process last saw it."""

    name: str
    url: str
    state: str
    """up, down, or unknown: not asked yet."""
    answer: str = ""
    at: datetime | None = None
    took_s: float | None = None
    last_sent: datetime | None = None


class NodeWatch:
    """Remembers the last answer of every destination. Thread-safe."""

    def __init__(self, nodes: Nodes, configurations: Configurations, catalogue: Catalogue, clock: Clock) -> None:
        self._nodes, self._configurations, self._catalogue, self._clock = nodes, configurations, catalogue, clock
        self._seen: dict[str, NodeState] = {}
        self._lock = Lock()

    def states(self) -> tuple[NodeState, ...]:
        """Every destination of the active configuration. Raises Unavailable."""
        with self._lock:
            seen = dict(self._seen)
        return tuple(
            known if (known := seen.get(node.name)) and known.url == node.url else _unknown(node)
            for node in self._destinations()
        )

    def ask(self, name: str) -> NodeState | None:
        """Verify the connection now (C-ECHO or its like); None for a name nobody configured. Blocking."""
        node = next((node for node in self._destinations() if node.name == name), None)
        if node is None:
            return None
        state = self._ask(node)
        with self._lock:
            self._seen[name] = state
        return state

    async def keep_asking(self, every_s: float = EVERY_S) -> None:
        """Verify every destination again and again, until canceled."""
        while True:
            with suppress(Unavailable):  # the ledger is away; the next round asks again
                for node in await run_in_threadpool(self._destinations):
                    await run_in_threadpool(self.ask, node.name)
            await asyncio.sleep(every_s)

    def _destinations(self) -> tuple[DestinationNode, ...]:
        try:
            return self._configurations.active().configuration.destinations
        except Misconfigured:
            return ()  # nothing was applied yet

    def _ask(self, node: DestinationNode) -> NodeState:
        began = self._clock.now()
        try:
            with closing(self._nodes.destination(node)) as destination:
                answer, state = destination.echo(), "up"
        except PrereadError as error:
            answer, state = str(error), "down"
        now = self._clock.now()
        took = (now - began).total_seconds()
        return NodeState(
            name=node.name, url=node.url, state=state, answer=answer, at=now, took_s=took,
            last_sent=self._last_sent(node.name),
        )  # fmt: skip

    def _last_sent(self, name: str) -> datetime | None:
        newest = self._catalogue.deliveries(destination=name, limit=20)
        return max((record.sent_at for record in newest if record.sent_at), default=None)


def _unknown(node: DestinationNode) -> NodeState:
    return NodeState(name=node.name, url=node.url, state="unknown", answer=say("not asked yet"))
