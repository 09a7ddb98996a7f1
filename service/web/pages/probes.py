"""Probes: alive, ready, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from service.ports.models import ServerState
from service.web import health
from service.web.metrics import exposition
from service.web.pages.operations import vitals_of
from service.web.pulse import Vitals


async def alive() -> Response:
    """This process answers; nothing else is asked."""
    return PlainTextResponse("alive\n")


def ready(request: Request) -> Response:
    """200 if ready or degraded, 503 if not; the reasons are for known accounts only."""
    vitals = vitals_of(request)
    body: dict[str, Any] = {"status": health.state(vitals)}
    if request.state.visitor is not None:
        body |= detail(vitals)
    return JSONResponse(body, status_code=200 if health.ready(vitals) else 503)


def detail(vitals: Vitals) -> dict[str, Any]:
    """What health means in parts; without addresses or patient data."""
    return {
        "ledger": vitals.ledger or "ok",
        "migrated": vitals.migrated,
        "disk_free_bytes": vitals.disk_free,
        "disk_above_reserve": vitals.disk_room,
        "broker": vitals.broker,
        "model_server": _models(vitals.server),
        "concerns": [one.text for one in (*health.concerns(vitals), *health.owed_by_people(vitals))],
    }


def _models(server: ServerState) -> dict[str, Any]:
    models = [
        {"name": model.name, "version": model.version, "ready": model.ready, "execution_provider": model.provider}
        for model in server.models
    ]
    return {"ready": server.ready, "engine": server.engine, "reason": server.reason, "models": models}


def metrics(request: Request) -> Response:
    return Response(exposition(vitals_of(request)), media_type="text/plain; version=0.0.4; charset=utf-8")
