"""The Celery worker: built before the fork, given its Services after it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

from service.domain.errors import Unavailable
from service.flow.beat import end_beat
from service.ports.services import Services
from workers.tasks import register
from workers.watchdog import Watchdog

Build = Callable[[], Services]


def serve(
    app: Celery, build: Build, *, queues: tuple[str, ...], concurrency: int, name: str, watchdog: Watchdog
) -> None:
    """Consume `queues` until told to stop; every forked child builds its own Services.

    A gRPC channel or database connection does not survive a fork, so nothing is opened before it.
    """
    built: list[Services] = []

    @worker_process_init.connect(weak=False)
    def start(**_: object) -> None:
        built.append(build())

    @worker_process_shutdown.connect(weak=False)
    def stop(**_: object) -> None:
        if built:
            _leave(built.pop(), name)

    host = socket.gethostname()
    register(app, lambda: built[-1], process=name, worker=lambda: f"{name}@{host}:{os.getpid()}", watchdog=watchdog)
    app.Worker(
        hostname=f"{name}.{os.getpid()}@{host}",
        queues=",".join(queues),
        concurrency=concurrency,
        pool="prefork",
        loglevel="WARNING",
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    ).start()


def _leave(services: Services, name: str) -> None:
    """Tell the ledger that this child ends; its beat ages by itself where that cannot be told."""
    with suppress(Unavailable):
        end_beat(services, name)
