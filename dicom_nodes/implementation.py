"""How we name ourselves on the wire and in file meta information, and how pynetdicom is set up, once."""

from __future__ import annotations

from pynetdicom import _config

from service.domain.uids import derive_uid

IMPLEMENTATION_CLASS_UID = derive_uid("preread", "implementation class")
IMPLEMENTATION_VERSION_NAME = "PREREAD"
"""Without a number: the bytes we keep of an object must not change when we do (they are compared by digest)."""

# pynetdicom's own handlers print every PDU and identifier: slow, and patient data in a log (invariant 11).
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
