"""`preread worker`: read studies with models, or send what is owed."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from service import bootstrap
from service.adapters.bell_celery import DELIVER_QUEUE, READ_QUEUE, CeleryBell, celery_app
from service.cli.ticker import Ticker
from service.domain.lane import PULSE
from service.flow.wake import wake
from service.settings import Settings
from workers.app import serve
from workers.watchdog import Watchdog

DEAF_EXIT = 70
PULSE_EVERY_S = 10


class WorkerLane(StrEnum):
    """What a worker process consumes."""

    READ = "read"
    DELIVER = "deliver"


def worker(
    context: typer.Context,
    lane: Annotated[WorkerLane, typer.Option(help="Readings or deliveries; one process each.")] = WorkerLane.READ,
    concurrency: Annotated[int | None, typer.Option(min=1)] = None,
) -> None:
    """Work whatever somebody rings for: readings, or deliveries."""
    settings: Settings = context.obj
    process = f"worker-{lane}"
    app = celery_app(settings.broker_url)
    usual = settings.worker.concurrency if lane is WorkerLane.READ else settings.worker.deliver_concurrency
    children = concurrency or usual
    watchdog = Watchdog(children=children)
    Ticker("pulse", lambda: _pulse(CeleryBell(app), lane, watchdog), every_s=PULSE_EVERY_S).start()
    serve(
        app,
        bootstrap.builder(settings, process=process),
        queues=(READ_QUEUE if lane is WorkerLane.READ else DELIVER_QUEUE,),
        concurrency=children,
        name=process,
        watchdog=watchdog,
    )


def _pulse(bell: CeleryBell, lane: str, watchdog: Watchdog) -> None:
    """Send a pulse; end the process if pulses go out and none is heard (knowledge.md, "deaf workers")."""
    if not wake(bell, PULSE + lane):
        watchdog.excuse()
    elif watchdog.deaf():
        os._exit(DEAF_EXIT)
