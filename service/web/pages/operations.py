"""Operations: is everything moving, and if not, what needs a person?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from service.domain.audit import AuditKind
from service.domain.lane import READ
from service.domain.said import say
from service.ports.catalogue import LaneDepth
from service.web import health
from service.web.door import visitor_of
from service.web.live import Fragment, stream
from service.web.nodewatch import NodeState, NodeWatch
from service.web.pulse import Pulse, Vitals
from service.web.rendering import page, render
from service.web.trail import audit


def vitals_of(request: Request) -> Vitals:
    """Everything that moves, at most a second old. Blocking."""
    return cast(Pulse, request.app.state.pulse).read()


def show(request: Request) -> Response:
    return page(request, "operations.html", **_values(vitals_of(request)))


def follow(request: Request) -> Response:
    def fragment() -> Fragment:
        return Fragment(render(request, "operations_live.html", **_values(vitals_of(request))))

    return stream(request, fragment)


def echo(request: Request, name: str) -> Response:
    """Ask one destination whether it is there."""
    state = asked(request, name)
    if "hx-request" in request.headers:
        return page(request, "node_row.html", node=state)
    return RedirectResponse("/operations#nodes", status_code=303)


def asked(request: Request, name: str) -> NodeState:
    """Verify the connection to a destination; audited. Raises 404 for a name nobody configured."""
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=visitor_of(request).account.name, detail=f"C-ECHO {name}")
    state = cast(NodeWatch, request.app.state.watch).ask(name)
    if state is None:
        raise HTTPException(404, say("No destination of that name is configured."))
    cast(Pulse, request.app.state.pulse).forget()
    return state


def _values(vitals: Vitals) -> dict[str, Any]:
    reading = [lane for lane in vitals.lanes if lane.lane == READ]
    sending = [lane for lane in vitals.lanes if lane.lane != READ]
    return {
        "vitals": vitals,
        "state": health.state(vitals),
        "concerns": health.concerns(vitals),
        "silent": partial(health.silent, vitals=vitals),
        "counts": dict(vitals.counts),
        "to_read": sum(lane.waiting for lane in reading),
        "read_oldest": _oldest(reading),
        "being_read": sum(lane.working for lane in reading),
        "to_send": sum(lane.waiting + lane.working for lane in sending),
        "send_oldest": _oldest(sending),
        "retrying": sum(lane.retrying for lane in vitals.lanes),
        "needs": dict(vitals.counts).get("studies in attention", 0),
        "busiest": max((lane.waiting + lane.working for lane in vitals.lanes), default=0) or 1,
    }


def _oldest(lanes: Sequence[LaneDepth]) -> datetime | None:
    return min((lane.oldest for lane in lanes if lane.oldest), default=None)
