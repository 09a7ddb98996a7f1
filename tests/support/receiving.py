"""A recording ledger for receiving, and a receiver put together around it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydicom.uid import UID

from dicom_nodes.scp.server import StorageScp
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.config import Configuration
from service.domain.errors import Unavailable
from service.domain.event import Event
from service.domain.node import Source
from service.domain.study import StoredInstance
from service.flow.receive import receive
from service.ports.clock import StoppedClock, SystemClock
from service.ports.ledger import Admission, Association, Reception
from service.settings import Scp

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CLOCK = StoppedClock(NOON)
ANYBODY = Source(name="any", ae_title="*", networks=("127.0.0.0/8", "::1/128"), default_issuer="HOSPITAL")


class RecordingLedger:
    """`service.ports.ledger.Receiving` in memory, with the outcomes that a ledger decides."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, StoredInstance] = {}
        self.receptions: list[Reception] = []
        self.admissions: list[Admission] = []
        self.events: list[Event] = []
        self.opened: dict[str, Association] = {}
        self.closed: dict[str, str] = {}
        self.own: set[str] = set()
        self.away = False
        """Every call raises Unavailable."""

    def _present(self) -> None:
        if self.away:
            raise Unavailable("The ledger is away.")

    def open_association(self, association: Association) -> None:
        self._present()
        self.opened[association.association_id] = association

    def close_association(self, association_id: str, *, how: str, at: datetime) -> Sequence[UID]:
        self._present()
        self.closed.setdefault(association_id, how)
        carried = (r for r in self.receptions if r.association_id == association_id)
        return list(dict.fromkeys(r.stored.instance.study_instance_uid for r in carried))

    def find_instance(self, sop_instance_uid: UID) -> StoredInstance | None:
        self._present()
        return self.known.get(sop_instance_uid)

    def issued(self, sop_instance_uid: UID) -> bool:
        self._present()
        return sop_instance_uid in self.own

    def admit(self, reception: Reception) -> Admission:
        self._present()
        with self.lock:
            admission = self._decide(reception)
            self.receptions.append(reception)
            self.admissions.append(admission)
        return admission

    def _decide(self, reception: Reception) -> Admission:
        stored = reception.stored
        if reception.own_device or stored.instance.sop_instance_uid in self.own:
            return Admission.ECHO
        known = self.known.get(stored.instance.sop_instance_uid)
        if known is not None and known.sha256 == stored.sha256:
            return Admission.DUPLICATE
        if (known.sha256 if known else None) != reception.replaces:
            raise Unavailable("The instance changed meanwhile.")
        if known is not None and not reception.same_pixels:
            return Admission.CONFLICT
        self.known[stored.instance.sop_instance_uid] = stored
        return Admission.CORRECTED if known is not None else Admission.NEW

    def note(self, event: Event) -> None:
        self._present()
        self.events.append(event)


@contextmanager
def scp_for(
    folder: Path,
    ledger: RecordingLedger,
    *,
    sources: tuple[Source, ...] = (ANYBODY,),
    reserve_bytes: int = 0,
    more: dict[str, Any] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    **scp: Any,
) -> Iterator[StorageScp]:
    """A receiver on a free loopback port, its spool in `folder`; `more` goes to receive()."""
    spool = FileSpool(folder, reserve_bytes=reserve_bytes)
    headers = Part10Headers()
    configuration = Configuration(sources=sources)
    clock = SystemClock(ZoneInfo("Europe/Berlin"))
    ports: dict[str, Any] = {
        "spool": spool,
        "ledger": ledger,
        "headers": headers,
        "configuration": lambda: configuration,
        "clock": clock,
    }
    doing = partial(receive, **(ports | (more or {})))
    settings = Scp(**({"port": 0, "network_timeout_s": 60, "acse_timeout_s": 60} | scp))
    server = StorageScp(
        settings, receive=doing, spool=spool, ledger=ledger, configuration=lambda: configuration, clock=clock,
        ssl_context=ssl_context,
    )  # fmt: skip
    server.start()
    try:
        yield server
    finally:
        server.stop(grace_s=1)
        headers.close()
