"""pynetdicom's acceptor with bounds: every PDU capped and timed, objects streamed, strangers turned away first.

Subclasses of pynetdicom 3.0's providers, put in place when an association is made; nothing is patched.
"""

from __future__ import annotations

import socket
from typing import Protocol

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.acse import ACSE
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE, DimseServiceType
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_nodes.scp.contexts import fitting_contexts
from dicom_nodes.scp.door import Refusal
from dicom_nodes.scp.hatch import Hatch
from dicom_nodes.scp.inbox import Arriving, arriving_in
from dicom_nodes.scp.streaming import StreamingDimse
from dicom_nodes.scp.upper_layer import BoundedDul
from service.flow.store_status import Answer
from service.ports.ledger import Association as Caller
from service.ports.spool import Incoming
from service.settings import Scp


class Desk(Protocol):
    """Who an association reports to."""

    scp: Scp

    def begin(self) -> Incoming:
        """Begin an object in the spool."""
        ...

    def refusal(self, association: GuardedAssociation) -> Refusal | None:
        """Why the requested association is not wanted; None to negotiate."""
        ...

    def store(self, association: GuardedAssociation, arriving: Arriving | None, claimed_uid: str) -> Answer:
        """Store what has arrived, whole, under the SOP Instance UID that the request names; raises nothing. The
        caller discards what is left of it."""
        ...

    def misbehaved(self, association: GuardedAssociation, why: str) -> None:
        """The association is about to be aborted."""
        ...

    def ended(self, association: GuardedAssociation) -> None:
        """The association's thread ends; called exactly once."""
        ...


class GuardedAssociation(Association):
    """An accepted connection; `caller` is set when it was let in, `recorded` when the ledger knows it."""

    def __init__(self, ae: ApplicationEntity, desk: Desk) -> None:
        super().__init__(ae, "acceptor")
        self.desk = desk
        self.caller: Caller | None = None
        self.recorded = False
        self.lost = False
        self.hatch = Hatch(self)
        self.acse = _Negotiation(self)
        self.dul = BoundedDul(self)
        self.dimse = StreamingDimse(
            self,
            begin=desk.begin,
            transfer_syntax=self.transfer_syntax,
            max_bytes=desk.scp.max_object_bytes,
        )
        # Their setters reach into the upper layer, which has just been replaced.
        self.acse_timeout = ae.acse_timeout
        self.network_timeout = ae.network_timeout

    @property
    def address(self) -> str:
        info = self.requestor.address_info
        return info.address if info else ""

    @property
    def ending(self) -> str:
        if self.is_released:
            return "released"
        return "lost" if self.lost else "aborted"

    def transfer_syntax(self, context_id: int) -> str | None:
        """What the peer sends in an accepted presentation context."""
        context = self.accepted(context_id)
        return str(context.transfer_syntax[0]) if context else None

    def accepted(self, context_id: int) -> PresentationContext | None:
        """The presentation context of this ID, if we accepted it."""
        return self._accepted_cx.get(context_id)

    @property
    def connection(self) -> socket.socket | None:
        """The socket, while it is open."""
        return self.dul.socket.socket if self.dul.socket else None

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self.dul.kill_dul()  # which watches over nothing by itself, should an error have ended this thread
            if not self._started_dul and self.dul.socket is not None:
                self.dul.socket.close()  # no thread was to be had for the upper layer, which closes it otherwise
            self.dimse.discard()
            self.desk.ended(self)

    def _run_reactor(self) -> None:
        super()._run_reactor()
        # When another thread aborts, the upper layer may be storing an object: that is answered before it is closed.
        self.dul.join()

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        """pynetdicom chooses the service by the class that a request names, whatever the request is."""
        try:
            if isinstance(msg, C_CANCEL):  # the eleventh comes by here, and pynetdicom takes it for a request
                return  # nothing here can be canceled
            if isinstance(msg, C_STORE) and msg.AffectedSOPClassUID == Verification:
                self.desk.misbehaved(self, "An object is sent as an echo.")
                self.abort()
            else:
                super()._serve_request(msg, context_id)
        finally:
            if (arriving := arriving_in(getattr(msg, "DataSet", None))) is not None:
                arriving.discard()
            self.dimse.msg_queue.task_done()
            # A peer is idle from our answer on; pynetdicom counts from its request, and aborts one that had to wait.
            self.dul._idle_timer.restart()

    acse: _Negotiation
    dul: BoundedDul
    dimse: StreamingDimse


def on_store(event: evt.Event) -> Dataset:
    """Answer a C-STORE request that came by pynetdicom's own way: the handler of EVT_C_STORE."""
    request, association = event.request, event.assoc
    assert isinstance(association, GuardedAssociation)
    assert isinstance(request, C_STORE)
    answer = association.desk.store(association, arriving_in(request.DataSet), str(request.AffectedSOPInstanceUID))
    dataset = Dataset()
    dataset.Status = int(answer.status)
    if answer.comment:
        dataset.ErrorComment = answer.comment
    return dataset


class _Negotiation(ACSE):
    """Asks the desk before anything is negotiated (PS3.8 9.3.4)."""

    _assoc: GuardedAssociation

    def _negotiate_as_acceptor(self) -> None:
        refusal = self._assoc.desk.refusal(self._assoc)
        if refusal is None:
            # Its setter is closed once the request is there, and only the request says what the sender prefers.
            request = self.requestor.primitive
            self.acceptor._contexts = fitting_contexts(request.presentation_context_definition_list if request else [])
            super()._negotiate_as_acceptor()
            return
        self.send_reject(refusal.result, refusal.source, refusal.reason)
        self._assoc.is_rejected = True
        self._assoc.kill()
