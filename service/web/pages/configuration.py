"""Configuration: the active rules and nodes, as they were applied. Read only."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from service.web.rendering import page
from service.web.services import services_of

HISTORY = 10


def show(request: Request, version: int = 0) -> Response:
    """One version; the active one if none is named."""
    configurations = services_of(request).configurations
    active = configurations.active()
    shown = configurations.version(version) if version else active
    numbers = range(active.number, max(0, active.number - HISTORY), -1)
    return page(request, "configuration.html", shown=shown, active=active, numbers=numbers)
