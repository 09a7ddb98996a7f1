"""The application: routes, locks, headers and errors put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from service.web import errors, routes
from service.web.attempts import Attempts
from service.web.bind import check_bind
from service.web.dicomweb.resources import Views
from service.web.dicomweb.store import Places
from service.web.door import locked
from service.web.live import Streams
from service.web.middleware import SafeHeaders, SmallBodies
from service.web.nodewatch import NodeWatch
from service.web.pulse import Pulse
from service.web.services import Services
from service.web.suggestions import Suggestions

__all__ = ["check_bind", "create_app"]


def create_app(services: Services, *, watch_nodes: bool = True) -> FastAPI:
    """Build the front door.

    Raises Misconfigured for a route that does not say who may use it. `watch_nodes` verifies every destination
    once a minute while the application runs. Serve it without trusting proxy headers unless a proxy is there.
    """
    app = FastAPI(
        title="preread",
        summary="AI pre-reads for a PACS: studies, jobs, deliveries, configuration, health.",
        version=_version(),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # FastAPI's own would put addresses and rejected input into somebody's traces (invariant 11).
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
        lifespan=_lifespan if watch_nodes else None,
    )
    watch = NodeWatch(services.nodes, services.configurations, services.catalogue, services.clock)
    app.state.services = services
    app.state.attempts = Attempts()
    app.state.streams = Streams()
    app.state.views = Views()
    app.state.suggestions = Suggestions()
    app.state.questions = Suggestions()
    app.state.places = Places(services.settings.web.store_requests)
    app.state.watch = watch
    app.state.pulse = Pulse(services, watch)
    routes.install(app)
    errors.install(app)
    app.add_middleware(SmallBodies)
    app.add_middleware(SafeHeaders)
    return locked(app)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    asking = asyncio.create_task(app.state.watch.keep_asking())
    yield
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking


def _version() -> str:
    try:
        return version("preread")
    except PackageNotFoundError:
        return "0"
