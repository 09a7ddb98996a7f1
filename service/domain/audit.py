"""AuditEvent: who touched whose data, in the terms of PS3.15 A.5."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditKind(StrEnum):
    """Event identifiers of PS3.15 A.5.3."""

    APPLICATION_ACTIVITY = "110100"
    INSTANCES_ACCESSED = "110103"
    INSTANCES_TRANSFERRED = "110104"
    QUERY = "110112"
    SECURITY_ALERT = "110113"
    USER_AUTHENTICATION = "110114"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """One audited action; `study_instance_uid` names the data, never the patient."""

    at: datetime
    kind: AuditKind
    action: str
    """C, R, U, D or E (create, read, update, delete, execute)."""
    success: bool
    who: str
    """Account, AE title or process."""
    where: str
    """Network address or host."""
    study_instance_uid: str = ""
    detail: str = ""
