"""`preread web`: pages, API, DICOMweb, metrics and health."""

from __future__ import annotations

import signal

import typer
import uvicorn

from service import bootstrap
from service.cli.processes.arriving import forwarding, intake
from service.cli.processes.lifetime import beating
from service.embedded.ports import require_free
from service.flow.diary import Diary
from service.settings import Settings
from service.web.app import create_app
from service.web.bind import check_bind
from service.web.services import Services


def web(context: typer.Context) -> None:
    """Show pages, answer the API, and take what is sent over STOW-RS."""
    settings: Settings = context.obj
    services = bootstrap.build(settings, process="web")
    services.ledger.upgrade()
    check_bind(settings, services.accounts)
    require_free({"PREREAD_WEB__PORT": (settings.web.port, "pages")}, settings.web.host)
    ticker = beating(services, "web").start()
    forwarder, diary = forwarding(services, "web"), Diary(services.ledger, services.clock)
    diary.start()
    front = Services.of(
        services,
        intake=intake(services, diary, on_forward=forwarder.wake),
        migrated=lambda: not services.ledger.pending(),
        broker_answers=lambda: bootstrap.broker_problem(settings) is None,
        trail=services.trail,
    )
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn hands the signal on after its end; ours comes after that
    address = settings.web
    uvicorn.run(
        create_app(front),
        host=address.host,
        port=address.port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    diary.stop()
    forwarder.stop()
    ticker.stop()
    services.ledger.close()
