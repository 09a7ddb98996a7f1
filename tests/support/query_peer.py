"""An archive that is asked for earlier studies: it finds what it is told to, and gives images as a test behaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_nodes.association import Paused, Peer, associate, drop
from tests.support.peers import listening

GET, MOVE = StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove


@dataclass
class Archive:
    """What a behaviour may use: the images that are found, and where they may be moved to."""

    images: list[Dataset]
    move_port: int = 0
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    statuses: list[int | None] = field(default_factory=list)
    """What was answered to the objects sent; None for no answer."""
    cancels: int = 0
    began_at: float | None = None
    """When it began to make us wait; whoever asks has all the time of the world before that."""

    def begin_clock(self) -> None:
        if self.began_at is None:
            self.began_at = time.monotonic()

    def monotonic(self) -> float:
        return 0.0 if self.began_at is None else time.monotonic() - self.began_at

    @property
    def image(self) -> Dataset:
        return self.images[0]

    # --- over the association that asks (C-GET), or one to us (C-MOVE) --------------------------------------

    def send(self, association: Any, image: Dataset, *, uid: str = "", data: bytes | None = None) -> None:
        """C-STORE, whatever the dataset says of itself."""
        request = C_STORE()
        request.MessageID, request.Priority = 7, 0
        request.AffectedSOPClassUID = CTImageStorage
        request.AffectedSOPInstanceUID = UID(uid or image.SOPInstanceUID)
        request.DataSet = BytesIO(encode(image, False, True) or b"" if data is None else data)
        association.dimse.send_msg(request, storage_context(association))
        _, answer = association.dimse.get_msg(block=True)
        self.statuses.append(getattr(answer, "Status", None))

    def begin(self, association: Any, fragments: int, size: int) -> None:
        """The beginning of a C-STORE that does not end."""
        request = C_STORE()
        request.MessageID, request.Priority = 7, 0
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CTImageStorage, self.image.SOPInstanceUID
        request.DataSet = BytesIO(bytes(size))
        message = C_STORE_RQ()
        message.primitive_to_message(request)
        context = storage_context(association)
        pdus = list(message.encode_msg(context, size))
        association.dul.send_pdu(pdus[0])
        self.begin_clock()
        for _ in range(fragments):
            if self.ended.is_set() or not association.dul.is_alive() or not association.is_established:
                return
            while association.dul.to_provider_queue.qsize() > 8 and association.dul.is_alive():
                self.ended.wait(0.001)
            association.dul.send_pdu(pdus[1])

    def say(self, event: Any, status: int, **counts: int) -> None:
        """A response to the question itself."""
        self.begin_clock()
        answer = C_GET() if isinstance(event.request, C_GET) else C_MOVE()
        answer.MessageIDBeingRespondedTo = event.request.MessageID
        answer.AffectedSOPClassUID = event.request.AffectedSOPClassUID
        answer.Status = status
        for name, count in counts.items():
            setattr(answer, f"NumberOf{name}Suboperations", count)
        event.assoc.dimse.send_msg(answer, event.context.context_id)

    @contextmanager
    def calling(self, *, called: str = "PREREAD_MOVE") -> Iterator[Any]:
        """An association to where images are moved to. Raises Refused where it is rejected."""
        us = Peer(
            called_ae=called, host="127.0.0.1", port=self.move_port, calling_ae="ELSEWHERE", acse_s=30, dimse_s=30
        )
        association = associate(us, [(CTImageStorage, ExplicitVRLittleEndian)])
        try:
            with Paused(association):
                yield association
        finally:
            drop(association)


def storage_context(association: Any) -> int:
    return next((c.context_id for c in association.accepted_contexts if c.abstract_syntax == CTImageStorage), 1)


Behaviour = Callable[[Archive, Any], None]


@contextmanager
def query_peer(images: list[bytes], behave: Behaviour, *, move_port: int = 0) -> Iterator[Archive]:
    """Called PEER, on a free port; `behave` is called with each C-GET or C-MOVE and says itself that it is done."""
    archive = Archive([dcmread(BytesIO(image)) for image in images], move_port)

    def on_find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for image in archive.images:
            yield 0xFF00, _row(event.identifier, image)
        yield 0x0000, None

    def on_get(event: Any) -> Iterator[Any]:
        behave(archive, event)
        yield 0

    def on_move(event: Any) -> Iterator[Any]:
        behave(archive, event)
        yield None, None

    entity = AE("PEER")
    entity.dimse_timeout = 30
    for model in (StudyRootQueryRetrieveInformationModelFind, GET, MOVE):
        entity.add_supported_context(model)
    entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian, scu_role=False, scp_role=True)
    handlers: list[Any] = [(evt.EVT_C_FIND, on_find), (evt.EVT_C_GET, on_get), (evt.EVT_C_MOVE, on_move)]
    with listening(entity, handlers) as archive.port:
        try:
            yield archive
        finally:
            archive.ended.set()


def _row(query: Dataset, image: Dataset) -> Dataset:
    row = Dataset()
    row.QueryRetrieveLevel = query.QueryRetrieveLevel
    for element in query:
        if element.keyword in image:
            row[element.keyword] = image[element.keyword]
    return row
