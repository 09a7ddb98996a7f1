"""StorageScp: receives objects over DICOM; success leaves only when the ledger's row is committed (PS3.4 B)."""

from __future__ import annotations

import ssl
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import structlog
from pynetdicom import evt

from dicom_nodes.scp.acceptor import Acceptor, Gate, listening_entity
from dicom_nodes.scp.door import Knock, Refusal, decide, not_now
from dicom_nodes.scp.guard import GuardedAssociation, on_store
from dicom_nodes.scp.inbox import Arriving
from service.domain.config import Configuration
from service.domain.errors import Misconfigured, PrereadError, Unavailable, Unreadable
from service.flow.diary import Diary
from service.flow.receive import Receive
from service.flow.store_status import STATUS_OF_ADMISSION, Answer, StoreStatus, status_of_error
from service.ports.clock import Clock
from service.ports.ledger import Admission, Association, Receiving
from service.ports.spool import Incoming, Spool
from service.settings import Scp

log = structlog.get_logger(__name__)


class StorageScp:
    """A Storage and Verification SCP in threads of this process."""

    def __init__(
        self,
        scp: Scp,
        *,
        receive: Receive,
        spool: Spool,
        ledger: Receiving,
        configuration: Callable[[], Configuration],
        clock: Clock,
        process: str = "",
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`configuration` gives the active one, cached as the caller likes; `process` is this process as its
        beat names it."""
        self.scp = scp
        self._process = process
        self._receive = receive
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._ledger = ledger
        self._diary = Diary(ledger, clock)
        self._gate = Gate()
        self._ssl_context = ssl_context
        self._acceptor: Acceptor | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        assert self._acceptor is not None
        return int(self._acceptor.server_address[1])

    def start(self) -> None:
        """Listen. Raises Misconfigured if the address cannot be had."""
        try:
            self._acceptor = Acceptor(
                listening_entity(self.scp),
                desk=self,
                gate=self._gate,
                ssl_context=self._ssl_context,
                evt_handlers=[(evt.EVT_C_STORE, on_store), (evt.EVT_C_ECHO, _on_echo)],
            )
        except OSError as error:
            where = f"{self.scp.host}:{self.scp.port}"
            raise Misconfigured(
                f"The receiver cannot listen on {where} ({error}); set scp.host or scp.port."
            ) from error
        threading.Thread(target=self._acceptor.serve_forever, args=(0.1,), name="scp-accept", daemon=True).start()
        self._diary.start()
        log.info("receiving", ae_title=self.scp.ae_title, host=self.scp.host, port=self.port)

    def stop(self, *, grace_s: float = 2.0) -> None:
        """Accept nothing more, give associations `grace_s` to end, then abort them. Nothing acknowledged is lost."""
        if self._acceptor is None:
            return
        self._acceptor.shutdown()
        until = time.monotonic() + grace_s
        while self._gate.associations() and time.monotonic() < until:
            time.sleep(0.02)
        left = self._gate.associations()
        # An abort waits for the thread that reads, which may be storing an object.
        aborts = [threading.Thread(target=association.abort, daemon=True) for association in left]
        for abort in aborts:
            abort.start()
        until = time.monotonic() + grace_s
        for thread in [*aborts, *left]:
            with suppress(RuntimeError):  # an association whose thread was never started
                thread.join(timeout=max(0.0, until - time.monotonic()))
        self._diary.stop()
        self._acceptor = None

    # --- the desk of dicom_nodes.scp.guard ---------------------------------------------------------------

    def begin(self) -> Incoming:
        return self._spool.incoming()

    def refusal(self, association: GuardedAssociation) -> Refusal | None:
        primitive = association.requestor.primitive
        knock = Knock(
            called=str(getattr(primitive, "called_ae_title", "")),
            calling=str(getattr(primitive, "calling_ae_title", "")),
            address=association.address,
            has_room=self._has_room(),
            established=self._gate.established(),
            established_here=self._gate.established(association.address),
        )
        try:
            verdict = decide(knock, self.scp, self._configuration())
        except (Unavailable, Misconfigured) as why:
            verdict = not_now(knock, str(why))
        if isinstance(verdict, Refusal):
            self._diary.turned_away(knock.address, verdict.text)
            return verdict
        association.caller = Association(
            association_id=uuid.uuid4().hex,
            source=verdict.name,
            calling_ae_title=knock.calling.strip(),
            address=knock.address,
            opened_at=self._clock.now(),
            process=self._process,
        )
        return None

    def misbehaved(self, association: GuardedAssociation, why: str) -> None:
        text = f"The association from {association.address} was aborted: {why} Look at what sends from there."
        self._diary.turned_away(association.address, text)

    def ended(self, association: GuardedAssociation) -> None:
        self._gate.forget(association)
        if association.caller is not None and association.recorded:
            self._diary.close(association.caller.association_id, association.ending)

    def _has_room(self) -> bool:
        try:
            return self._spool.has_room()
        except Unavailable:
            return False

    def store(self, association: GuardedAssociation, arriving: Arriving | None, claimed_uid: str) -> Answer:
        try:
            admission = self._store(association, arriving, claimed_uid)
        except PrereadError as error:
            log.warning("not stored", source=association.address, reason=type(error).__name__)
            return Answer(status_of_error(error), str(error))
        except Exception as error:  # the boundary: pynetdicom would answer 0xC211, which reads as the sender's fault
            log.exception("store failed", source=association.address)
            return Answer(status_of_error(error), "internal error")
        return Answer(STATUS_OF_ADMISSION[admission], "" if admission is not Admission.CONFLICT else "other pixels")

    def _store(self, association: GuardedAssociation, arriving: Arriving | None, claimed_uid: str) -> Admission:
        if arriving is not None and arriving.error is not None:
            raise arriving.error
        if arriving is None or arriving.incoming is None or association.caller is None:
            raise Unreadable("The request carries no object.")
        if not association.recorded:
            self._ledger.open_association(association.caller)
            association.recorded = True
        return self._receive(arriving.incoming, association.caller, claimed_uid=claimed_uid)


def _on_echo(event: evt.Event) -> int:
    return StoreStatus.SUCCESS
