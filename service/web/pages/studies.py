"""Studies: find one by whatever is known of it."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from service.domain.audit import AuditKind
from service.web.door import field, visitor_of
from service.web.rendering import page
from service.web.search import STATES, Search, next_page
from service.web.services import services_of
from service.web.trail import audit


def show(request: Request, state: str = "", modality: str = "") -> Response:
    """The newest studies; an address may carry what names no patient."""
    return _found(request, Search(state=state, modality=modality))


def search(request: Request) -> Response:
    return _found(request, Search.read(lambda name: field(request, name)))


def _found(request: Request, asked: Search) -> Response:
    services = services_of(request)
    query = asked.query(services.clock.zone)
    if asked.personal:
        who, detail = visitor_of(request).account.name, f"searched by {', '.join(asked.personal)}"
        audit(request, AuditKind.QUERY, "E", who=who, detail=detail)
    rows = services.catalogue.studies(query)
    older = next_page(rows)
    return page(request, "studies.html", rows=rows, asked=asked, older=older, states=STATES)
