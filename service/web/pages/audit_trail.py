"""Audit: who viewed, searched, reran, resent, signed in. For auditors."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from service.domain.audit import AuditKind
from service.domain.said import say
from service.web.door import visitor_of
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

LIMIT = 500
KINDS = {
    AuditKind.APPLICATION_ACTIVITY: say("action"),
    AuditKind.INSTANCES_ACCESSED: say("study viewed"),
    AuditKind.INSTANCES_TRANSFERRED: say("study transferred"),
    AuditKind.QUERY: say("search"),
    AuditKind.SECURITY_ALERT: say("security alert"),
    AuditKind.USER_AUTHENTICATION: say("sign-in"),
}


def show(request: Request) -> Response:
    """The newest events; looking at them is an event itself."""
    trail = services_of(request).trail
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "R", who=who, detail="audit record viewed")
    events = trail.recent(limit=LIMIT) if trail else None
    return page(request, "audit.html", events=events, kinds=KINDS, limit=LIMIT)
