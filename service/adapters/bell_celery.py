"""The bell on Celery: one message per ring, which names a lane and nothing else."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from service.domain.errors import Unavailable
from service.domain.lane import is_reading

TASK = "preread.drain"
READ_QUEUE, DELIVER_QUEUE = "preread.read", "preread.deliver"
"""Two queues, so that long readings never stand before deliveries (invariant 4)."""


class CeleryBell:
    """Rings by sending a `drain` message; gives up quickly, because the sweep makes up for it."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, lane: str) -> None:
        try:
            queue = READ_QUEUE if is_reading(lane) else DELIVER_QUEUE
            self._app.send_task(TASK, args=(lane,), queue=queue, retry=False, ignore_result=True, expires=600)
        except (OperationalError, RedisError, OSError) as error:
            raise Unavailable(f"the broker is away: {error}") from error


def celery_app(broker_url: str) -> Celery:
    """A Celery application with the settings that lose nothing (deploy/docs/decisions/0003).

    The ledger is the truth, so messages are acknowledged early and none is worth keeping for long.
    """
    app = Celery("preread", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=1,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_default_queue=DELIVER_QUEUE,
        task_create_missing_queues=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "max_retries": 1,
            "visibility_timeout": 3600,
        },
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        enable_utc=True,
    )
    return app
