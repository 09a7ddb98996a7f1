"""Store: one request of STOW-RS, object by object, on the way that a C-STORE takes (PS3.18 10.5).

A request counts as an association: it is opened with its first object and closed when it ends, so that no study is
handed over while it lasts.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from threading import Lock

import structlog

from service.domain.config import Configuration
from service.domain.errors import PrereadError, Refused, Unreadable
from service.domain.node import source_of_account
from service.flow.diary import Diary
from service.flow.part import Part
from service.flow.receive import Receive
from service.flow.store_status import STATUS_OF_ADMISSION, StoreStatus, status_of_error
from service.ports.clock import Clock
from service.ports.headers import Header, Headers, Meta
from service.ports.ledger import Admission, Association, Receiving
from service.ports.spool import Spool

log = structlog.get_logger("preread.store")

AT_ONCE = 4
"""Objects of one request that are kept at once."""
KEPT = frozenset((Admission.NEW, Admission.DUPLICATE, Admission.CORRECTED))
"""What can be retrieved here afterwards."""


class OtherStudy(Refused):
    """The object belongs to another study than the address of the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one object; UIDs are empty where it does not say them."""

    status: StoreStatus
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    header: Header | None = None
    admission: Admission | None = None
    why: PrereadError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What store requests need of the house; safe for use from many threads."""

    receive: Receive
    spool: Spool
    headers: Headers
    ledger: Receiving
    configuration: Callable[[], Configuration]
    diary: Diary
    clock: Clock
    own_meta: Callable[[bytes], Meta | None]
    """What we write in place of an object's file meta information; None to leave it."""
    keepers: Executor
    """Threads in which objects are kept: the disk's answers are waited for side by side."""
    max_object_bytes: int
    process: str = "web"
    """The process as its beat names it."""

    def caller(self, *, account: str, address: str) -> Association:
        """Who sends, as the source that `nodes.toml` says it is. Raises Refused for a stranger, and Unavailable and
        Misconfigured while nobody can tell."""
        source = source_of_account(self.configuration().sources, account=account, address=address)
        if source is None:
            text = (
                f"The account {account!r} at {address} is no known source; if it should be, give a [[source]] in "
                "nodes.toml this account and network and apply it."
            )
            self.diary.turned_away(address, text)
            raise Refused(text)
        return Association(
            association_id=uuid.uuid4().hex,
            source=source.name,
            calling_ae_title=account,
            address=address,
            opened_at=self.clock.now(),
            process=self.process,
        )


class Transaction:
    """One request; `outcomes` are those of its objects, in their order, all of them once it is closed.

    Used by one thread at a time. Up to AT_ONCE objects are kept at once, but never two that claim one UID.
    """

    def __init__(self, intake: Intake, caller: Association, *, study_instance_uid: str = "") -> None:
        """Objects of another study than `study_instance_uid` are refused, if one is given."""
        self.outcomes: list[Outcome] = []
        self._intake, self._caller, self._study = intake, caller, study_instance_uid
        self._part: Part | None = None
        self._kept_now: deque[tuple[str, Future[Outcome]]] = deque()
        self._opening = Lock()
        self._opened = False

    def begin(self, unwanted: PrereadError | None = None) -> None:
        """The next object begins; `unwanted` is why it is not even to be read."""
        intake = self._intake
        self._part = Part(spool=intake.spool, own_meta=intake.own_meta, most=intake.max_object_bytes, unwanted=unwanted)

    def write(self, data: memoryview) -> None:
        """More of the object. What fails is kept for its end."""
        assert self._part is not None
        self._part.write(data)

    def end(self) -> None:
        """The object is whole: keep it. Waits where many are being kept."""
        assert self._part is not None
        part, self._part = self._part, None
        part.end()
        named = part.meta.sop_instance_uid if part.meta else ""
        same = any(named == other for other, _ in self._kept_now)
        self._settle(0 if same else AT_ONCE - 1)
        self._kept_now.append((named, self._intake.keepers.submit(self._kept, part)))

    def close(self, how: str) -> None:
        """The request has ended ("released", "aborted" or "lost"); an object that is not whole is dropped, what is
        being kept is waited for."""
        self._settle(0)
        if self._part is not None:
            self._part.discard()
            self._part = None
        if self._opened:
            self._intake.diary.close(self._caller.association_id, how)

    def _settle(self, left: int) -> None:
        """Wait until at most `left` objects are being kept."""
        while len(self._kept_now) > left:
            _, kept = self._kept_now.popleft()
            self.outcomes.append(kept.result())

    def _kept(self, part: Part) -> Outcome:
        seen: list[Header] = []

        def on_header(header: Header) -> None:
            seen.append(header)
            if self._study and header.instance.study_instance_uid != self._study:
                raise OtherStudy("An object belongs to another study than the address of the request names.")
            if part.meta is None:
                raise Unreadable("The object has no file meta information that can be read (PS3.10 7.1).")

        try:
            admission = self._received(part, on_header)
        except OtherStudy as why:
            return self._failed(_told(part, seen, StoreStatus.DOES_NOT_MATCH), why)
        except PrereadError as why:
            return self._failed(_told(part, seen, status_of_error(why)), why)
        except Exception:  # the boundary: our own fault with one object must not end the request of many
            log.exception("store failed", source=self._caller.source)
            return _told(part, seen, StoreStatus.PROCESSING_FAILURE)
        finally:
            part.discard()
        return replace(_told(part, seen, STATUS_OF_ADMISSION[admission]), admission=admission)

    def _received(self, part: Part, on_header: Callable[[Header], None]) -> Admission:
        incoming = part.whole()
        with self._opening:
            if not self._opened:
                self._intake.ledger.open_association(self._caller)
                self._opened = True
        claimed_uid = part.meta.sop_instance_uid if part.meta else ""
        return self._intake.receive(incoming, self._caller, claimed_uid=claimed_uid, on_header=on_header)

    def _failed(self, outcome: Outcome, why: PrereadError) -> Outcome:
        log.warning("not stored", source=self._caller.source, reason=type(why).__name__)
        return replace(outcome, why=why)


def _told(part: Part, seen: Sequence[Header], status: StoreStatus) -> Outcome:
    """The outcome with what the object says it is: in its data set, or else in its file meta information."""
    if seen:
        instance = seen[0].instance
        return Outcome(
            status=status,
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            header=seen[0],
        )
    if part.meta is None:
        return Outcome(status=status)
    return Outcome(status=status, sop_class_uid=part.meta.sop_class_uid, sop_instance_uid=part.meta.sop_instance_uid)
