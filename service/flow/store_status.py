"""What who sends an object is answered, over C-STORE and STOW-RS: one status per outcome (PS3.4 B.2.3, PS3.7 C)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from service.domain.errors import (
    Misconfigured,
    PrereadError,
    Refused,
    Unavailable,
    Unclear,
    Unreadable,
    Unsupported,
)
from service.ports.ledger import Admission


class StoreStatus(IntEnum):
    """Statuses of a C-STORE response; failure reasons of a Store Instances response (PS3.18 I.2)."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700  #: disk, ledger or spool full or away: send again
    DOES_NOT_MATCH = 0xA900  #: of another study than the address of the request
    CANNOT_UNDERSTAND = 0xC000  #: quarantined
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORISED = 0x0124
    PROCESSING_FAILURE = 0x0110  #: our own fault
    DUPLICATE_SOP_INSTANCE = 0x0111  #: another image under a known UID; the first is kept


@dataclass(frozen=True, slots=True)
class Answer:
    """What a C-STORE response says."""

    status: StoreStatus
    why: str = ""

    @property
    def comment(self) -> str:
        """`why` as an Error Comment (PS3.7 C): VR LO, of which only ASCII is sure to be read."""
        return self.why.encode("ascii", "replace").decode()[:64]


STATUS_OF_ADMISSION: dict[Admission, StoreStatus] = {
    Admission.NEW: StoreStatus.SUCCESS,
    Admission.DUPLICATE: StoreStatus.SUCCESS,
    Admission.CORRECTED: StoreStatus.SUCCESS,
    Admission.ECHO: StoreStatus.SUCCESS,
    # Success would tell the sender that its image is here; a warning is success to most senders, too.
    Admission.CONFLICT: StoreStatus.DUPLICATE_SOP_INSTANCE,
}

_STATUS_OF_ERROR: dict[type[PrereadError], StoreStatus] = {
    Unavailable: StoreStatus.OUT_OF_RESOURCES,
    Unreadable: StoreStatus.CANNOT_UNDERSTAND,
    Unsupported: StoreStatus.SOP_CLASS_NOT_SUPPORTED,
    Refused: StoreStatus.NOT_AUTHORISED,
    Misconfigured: StoreStatus.PROCESSING_FAILURE,
    Unclear: StoreStatus.PROCESSING_FAILURE,
}


def status_of_error(error: Exception) -> StoreStatus:
    """The status of the error's class; anything that is not ours to name is our own fault."""
    found = [status for kind, status in _STATUS_OF_ERROR.items() if isinstance(error, kind)]
    return found[0] if found else StoreStatus.PROCESSING_FAILURE
