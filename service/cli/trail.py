"""Trail: what the command line writes to the audit record (PS3.15 A.5), as the front door does for the pages."""

from __future__ import annotations

import os
import pwd
import socket

from service.domain.audit import AuditEvent, AuditKind
from service.ports.services import Services


def audit(services: Services, detail: str, *, study_instance_uid: str = "") -> None:
    """Record one act of the operator before it is done. Raises Unavailable: what cannot be audited does not happen."""
    services.audit.record(
        AuditEvent(
            at=services.clock.now(),
            kind=AuditKind.APPLICATION_ACTIVITY,
            action="E",
            success=True,
            who=operator(),
            where=socket.gethostname(),
            study_instance_uid=study_instance_uid,
            detail=detail,
        )
    )


def operator() -> str:
    """The operating-system user who calls; not what the environment says of itself."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return f"uid {os.getuid()}"
