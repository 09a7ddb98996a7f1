"""Landing: a Storage SCP that is open for one question alone, for what an archive moves to us (PS3.4 C.4.2).

It has an AE title and a port of its own, so nothing that comes here is ever a new study. It takes the one object that
is waited for, from the archive's own addresses; everything else is refused.
"""

from __future__ import annotations

import errno
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog
from pynetdicom import evt

from dicom_nodes.association import drop
from dicom_nodes.scp.acceptor import Acceptor, Gate, listening_entity
from dicom_nodes.scp.door import Knock, Refusal, decide
from dicom_nodes.scp.guard import GuardedAssociation, on_store
from dicom_nodes.scp.inbox import Arriving, taken
from service.domain.config import Configuration
from service.domain.errors import PrereadError, Refused, Unavailable
from service.domain.node import Source
from service.flow.store_status import Answer, StoreStatus, status_of_error
from service.ports.priors import Begin, Left
from service.ports.spool import Incoming
from service.settings import Scp

log = structlog.get_logger(__name__)

_AGAIN_S = 0.1
"""How often it is looked whether another question has left the port."""
_END_S = 1.0


class Landing:
    """The desk of `dicom_nodes.scp.guard` for one question."""

    def __init__(self, scp: Scp, source: Source, *, begin: Begin, left_s: Left) -> None:
        """`source` is who may come, `begin` where objects go; the port is waited for while another question has it."""
        self.scp = scp
        self._configuration = Configuration(sources=(source,))
        self._name = source.name
        self._begin = begin
        self._left_s = left_s
        self._gate = Gate()
        self._acceptor: Acceptor | None = None
        self._changed = threading.Condition()
        self._wanted = ""
        self._arrived: Incoming | None = None
        self._error: PrereadError | None = None

    def __enter__(self) -> Self:
        """Listen. Raises Unavailable if the port cannot be had in time."""
        while self._acceptor is None:
            try:
                self._acceptor = self._listening()
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._left_s() <= _AGAIN_S:
                    where = f"{self.scp.host}:{self.scp.port}"
                    raise Unavailable(
                        f"{self._name} could not be asked to move images: nothing can listen on {where}"
                    ) from error
                time.sleep(_AGAIN_S)
        threading.Thread(target=self._acceptor.serve_forever, args=(0.05,), name="landing", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._acceptor is not None
        self._acceptor.shutdown()
        for association in self._gate.associations():
            drop(association)
            with suppress(RuntimeError):  # one whose thread was never started
                association.join(timeout=_END_S)

    def expect(self, sop_instance_uid: str) -> None:
        """The object that is waited for from now on, and no other."""
        with self._changed:
            self._wanted, self._arrived, self._error = sop_instance_uid, None, None

    def arrived(self, left_s: Left) -> Incoming | None:
        """The object, whole, as soon as it is here; None if it is not by then. Raises what it was refused for."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived or self._error, timeout=max(left_s(), 0))
            if self._error is not None:
                raise self._error
            return self._arrived

    def _listening(self) -> Acceptor:
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, on_store), (evt.EVT_C_ECHO, _on_echo)]
        return Acceptor(listening_entity(self.scp), desk=self, gate=self._gate, evt_handlers=handlers)

    # --- the desk ------------------------------------------------------------------------------------------

    def begin(self) -> Incoming:
        return self._begin()

    def refusal(self, association: GuardedAssociation) -> Refusal | None:
        primitive = association.requestor.primitive
        knock = Knock(
            called=str(getattr(primitive, "called_ae_title", "")),
            calling=str(getattr(primitive, "calling_ae_title", "")),
            address=association.address,
            has_room=True,
            established=self._gate.established(),
            established_here=self._gate.established(association.address),
        )
        verdict = decide(knock, self.scp, self._configuration)
        if isinstance(verdict, Refusal):
            log.warning("turned away", address=association.address, port=self.scp.port)
            return verdict
        return None

    def misbehaved(self, association: GuardedAssociation, why: str) -> None:
        log.warning("cut off", address=association.address, port=self.scp.port)
        with self._changed:
            self._error = Unavailable(f"{self._name} was cut off: {why}")
            self._changed.notify_all()

    def ended(self, association: GuardedAssociation) -> None:
        self._gate.forget(association)

    def store(self, association: GuardedAssociation, arriving: Arriving | None, claimed_uid: str) -> Answer:
        try:
            self._land(arriving, claimed_uid)
        except PrereadError as error:
            return Answer(status_of_error(error))
        return Answer(StoreStatus.SUCCESS)

    def _land(self, arriving: Arriving | None, sop_instance_uid: str) -> None:
        with self._changed:
            if sop_instance_uid != self._wanted or self._arrived is not None:
                raise Refused("It was not asked for.")
            try:
                self._arrived = taken(arriving, self._name)
            except PrereadError as error:
                self._error = error
                raise
            finally:
                self._changed.notify_all()


def _on_echo(event: evt.Event) -> int:
    return StoreStatus.SUCCESS
