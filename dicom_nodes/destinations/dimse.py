"""A DICOM node as destination: C-STORE, C-FIND for the identity, C-ECHO. `dicom://CALLED_AE@host:port`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_nodes.association import MAX_CONTEXTS, Context, NoContext, Peer, associate, context_id, drop, hang_up, store
from dicom_nodes.find import find_identity
from service.domain.errors import Misconfigured, Refused, Unavailable, Unreadable
from service.domain.node import DestinationNode
from service.domain.study import Identity
from service.ports.destination import Answered, Destination, Opener, Parcel, StoreResult

SCHEMES = ("dicom",)
IDLE_S = 5.0
"""How long an association is kept for the next call."""

_DUPLICATE = 0x0111
"""Duplicate SOP instance (PS3.7 C.5.7): a lost answer to our first try, or another object of the same UID."""

_NO_SUCH_CLASS = 0x0122
"""SOP class not supported (PS3.7 C.5.6)."""

_ANSWERS: tuple[tuple[range, Answered, str], ...] = (
    (range(0x0001), Answered.STORED, "stored"),
    (range(0x0001, 0x0002), Answered.STORED, "stored with a warning"),
    (range(0x0107, 0x0108), Answered.STORED, "stored, attribute list error"),
    (range(_DUPLICATE, _DUPLICATE + 1), Answered.STORED, "was there already"),
    (range(0x0116, 0x0117), Answered.STORED, "stored, attribute value out of range"),
    (range(0xB000, 0xC000), Answered.STORED, "stored with a warning"),
    (range(0x0110, 0x0111), Answered.LATER, "processing failure there"),
    (range(0x0210, 0x0211), Answered.LATER, "duplicate invocation"),
    (range(0x0213, 0x0214), Answered.AWAY, "resource limitation there"),
    (range(0xA700, 0xA800), Answered.AWAY, "out of resources there"),
    (range(0xFE00, 0xFE01), Answered.AWAY, "cancelled there"),
    (range(0x0117, 0x0118), Answered.REFUSED, "invalid object instance"),
    (range(_NO_SUCH_CLASS, _NO_SUCH_CLASS + 1), Answered.REFUSED, "SOP class not supported"),
    (range(0x0124, 0x0125), Answered.REFUSED, "not authorised"),
    (range(0xA900, 0xAA00), Answered.REFUSED, "dataset does not match its SOP class"),
    (range(0xC000, 0xD000), Answered.REFUSED, "cannot understand"),
)


def answer_of(status: int) -> StoreResult:
    """What a C-STORE status means for us (PS3.4 B.2.3, PS3.7 C); an unknown one is for a person to see."""
    for statuses, answered, words in _ANSWERS:
        if status in statuses:
            text = f"0x{status:04X} {words}"
            there, refused = status == _DUPLICATE, status == _NO_SUCH_CLASS
            return StoreResult(answered=answered, status=text, already_there=there, class_refused=refused)
    return StoreResult(answered=Answered.REFUSED, status=f"0x{status:04X} refused")


def open_node(node: DestinationNode, *, calling_ae: str, opener: Opener) -> Destination:
    """The destination of a node. Raises Misconfigured for a URL without AE title, host or port."""
    url = urlsplit(node.url)
    try:
        port = url.port
    except ValueError:
        port = None
    if not url.username or not url.hostname or not port:
        raise Misconfigured(f"Destination {node.name}: {node.url!r} is not dicom://CALLED_AE@host:port; write it so.")
    called = unquote(url.username)
    for title in (called, calling_ae):
        if not 0 < len(title.strip()) <= 16 or not title.isascii() or "\\" in title:
            raise Misconfigured(f"Destination {node.name}: {title!r} is not an AE title (1 to 16 ASCII characters).")
    peer = Peer(called_ae=called, host=url.hostname, port=port, calling_ae=node.calling_ae_title or calling_ae)
    return DimseDestination(peer, opener=opener)


class DimseDestination:
    """`service.ports.destination.Destination` over DIMSE; thread-safe, one association at a time."""

    def __init__(self, peer: Peer, *, opener: Opener, idle_s: float = IDLE_S) -> None:
        self._peer = peer
        self._opener = opener
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._association: Association | None = None
        self._contexts: frozenset[Context] = frozenset()
        self._timer: threading.Timer | None = None

    def store(self, parcels: Sequence[Parcel]) -> Sequence[StoreResult]:
        with self._lock:
            self._stop_timer()
            results: list[StoreResult] = []
            for start in range(0, len(parcels), MAX_CONTEXTS):
                results += self._store_some(parcels[start : start + MAX_CONTEXTS])
            self._start_timer()
            return results

    def _store_some(self, parcels: Sequence[Parcel]) -> list[StoreResult]:
        wanted = [(parcel.sop_class_uid, parcel.transfer_syntax_uid) for parcel in parcels]
        results: list[StoreResult] = []
        for parcel in parcels:
            try:
                results.append(self._store_one(parcel, wanted))
            except (Unavailable, Refused) as why:
                # Nobody is there: the rest of the parcels would only wait for the same answer.
                answered = Answered.AWAY if isinstance(why, Unavailable) else Answered.REFUSED
                none = isinstance(why, NoContext)
                unsent = StoreResult(answered=answered, status=str(why), sent=False, class_refused=none)
                return results + [unsent] * (len(parcels) - len(results))
        return results

    def _store_one(self, parcel: Parcel, wanted: Iterable[Context]) -> StoreResult:
        association = self._ready(wanted)
        context = context_id(association, parcel.sop_class_uid, parcel.transfer_syntax_uid)
        if context is None:
            words = f"{self._peer} accepts no {parcel.sop_class_uid.name} in {parcel.transfer_syntax_uid.name}."
            return StoreResult(answered=Answered.REFUSED, status=words, sent=False, class_refused=True)
        try:
            with self._opener(parcel.location) as part10:
                status = store(association, context, part10, parcel.sop_class_uid, parcel.sop_instance_uid)
        except Unavailable as why:
            return StoreResult(answered=Answered.LATER, status=f"Our own copy is not at hand: {why}", sent=False)
        except Unreadable as why:
            return StoreResult(answered=Answered.REFUSED, status=str(why), sent=False)
        if status is None:
            self._drop()
            words = f"{self._peer} did not answer; the object is sent again under the same UID."
            return StoreResult(answered=Answered.AWAY, status=words)
        return answer_of(status)

    def _ready(self, wanted: Iterable[Context]) -> Association:
        """The kept association if it offers what is wanted, else a new one. Raises Unavailable, Refused."""
        contexts = frozenset(wanted)
        if self._association is not None and self._association.is_established and contexts <= self._contexts:
            return self._association
        if self._association is not None:
            hang_up(self._association)
            self._association = None
        together = contexts | self._contexts
        self._contexts = together if len(together) <= MAX_CONTEXTS else contexts
        self._association = associate(self._peer, sorted(self._contexts))
        return self._association

    def identity(self, study_instance_uid: UID) -> Identity | None:
        with self._lock:
            return find_identity(self._peer, study_instance_uid)

    def echo(self) -> str:
        try:
            association = associate(self._peer, [(Verification, ImplicitVRLittleEndian)])
        except Refused as why:
            raise Unavailable(str(why)) from why
        try:
            status = association.send_c_echo()
        finally:
            hang_up(association)
        if "Status" not in status:
            raise Unavailable(f"{self._peer} did not answer C-ECHO")
        return f"0x{status.Status:04X} from {self._peer}"

    def close(self) -> None:
        with self._lock:
            self._stop_timer()
            self._hang_up()

    def _hang_up(self) -> None:
        if self._association is not None:
            hang_up(self._association)
            self._association = None

    def _drop(self) -> None:
        if self._association is not None:
            drop(self._association)
            self._association = None

    def _start_timer(self) -> None:
        if self._association is not None:
            self._timer = threading.Timer(self._idle_s, self.close)
            self._timer.daemon = True
            self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
