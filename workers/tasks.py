"""The one Celery task: somebody rang for a lane."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from celery import Celery

from service.adapters.bell_celery import TASK
from service.domain.errors import Unavailable
from service.domain.lane import PULSE
from service.flow.beat import beat
from service.ports.services import Services
from workers.lanes import drain
from workers.watchdog import Watchdog

log = structlog.get_logger("preread.worker")


def register(
    app: Celery, services: Callable[[], Services], *, process: str, worker: Callable[[], str], watchdog: Watchdog
) -> None:
    """Give `app` its task. `services` and `worker` are asked in the process that runs it.

    A pulse is a beat: whoever hears it proves that messages reach the workers called `process`.
    """

    @app.task(name=TASK)
    def drain_lane(lane: str) -> int:
        with watchdog.hearing():
            if lane.startswith(PULSE):
                beat(services(), process)
                return 0
            try:
                return drain(lane, services(), worker=worker())
            except Unavailable as error:
                log.warning("put off", lane=lane, reason=str(error))
            except Exception:  # boundary: Celery would log the exception's words, which may quote a header
                log.exception("lane failed", lane=lane)
            return 0
