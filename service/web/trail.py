"""Trail: what the front door writes to the audit record (PS3.15 A.5)."""

from __future__ import annotations

from fastapi import Request

from service.domain.audit import AuditEvent, AuditKind
from service.web.services import services_of

NOBODY = "nobody"


def audit(
    request: Request,
    kind: AuditKind,
    action: str,
    *,
    who: str,
    success: bool = True,
    study_instance_uid: str = "",
    detail: str = "",
) -> None:
    """Record one act of `who`. Raises Unavailable: what cannot be audited does not happen."""
    services = services_of(request)
    services.audit.record(
        AuditEvent(
            at=services.clock.now(),
            kind=kind,
            action=action,
            success=success,
            who=who,
            where=address(request),
            study_instance_uid=study_instance_uid,
            detail=detail,
        )
    )


def address(request: Request) -> str:
    """The caller's address as the server sees it."""
    return request.client.host if request.client else "unknown"
