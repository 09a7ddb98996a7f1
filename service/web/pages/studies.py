"""Studies: find one by whatever is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import Response

from service.domain.audit import AuditKind
from service.flow.words import count
from service.ports.catalogue import StudyRow
from service.web.door import field, visitor_of
from service.web.rendering import page
from service.web.search import STATES, Search, next_page
from service.web.services import services_of
from service.web.trail import audit


def show(request: Request, state: str = "", modality: str = "") -> Response:
    """The newest studies; an address may carry what names no patient."""
    return _list(request, Search(state=state, modality=modality))


def search(request: Request) -> Response:
    return _list(request, Search.read(lambda name: field(request, name)))


def found(request: Request, asked: Search) -> Sequence[StudyRow]:
    """One page of the studies that fit, after the look at them was audited. Raises 422."""
    services = services_of(request)
    rows = services.catalogue.studies(asked.query(services.clock.zone))
    who, detail = visitor_of(request).account.name, f"{asked.told}; {count(len(rows), 'study', 'studies')} listed"
    audit(request, AuditKind.QUERY, "E", who=who, detail=detail)
    return rows


def _list(request: Request, asked: Search) -> Response:
    rows = found(request, asked)
    signed = services_of(request).signing.signed([str(row.study_instance_uid) for row in rows])
    return page(
        request, "studies.html", rows=rows, asked=asked, older=next_page(rows), states=STATES, signed=signed
    )  # fmt: skip
