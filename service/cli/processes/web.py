"""`preread web`: pages, API, metrics and health."""

from __future__ import annotations

import signal

import typer
import uvicorn

from service import bootstrap
from service.cli.processes.lifetime import beating
from service.embedded.ports import require_free
from service.settings import Settings
from service.web.app import create_app
from service.web.bind import check_bind
from service.web.services import Services


def web(context: typer.Context) -> None:
    """Show pages and answer the API."""
    settings: Settings = context.obj
    services = bootstrap.build(settings, process="web")
    services.ledger.upgrade()
    check_bind(settings, services.accounts)
    require_free({"PREREAD_WEB__PORT": (settings.web.port, "pages")}, settings.web.host)
    ticker = beating(services, "web").start()
    front = Services.of(
        services,
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
    ticker.stop()
    services.ledger.close()
