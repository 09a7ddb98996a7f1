"""STOW-RS (PS3.18 10.5): objects arrive as one multipart message, and are answered when they are durable."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

from fastapi import HTTPException, Request
from fastapi.responses import Response
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from service.domain.audit import AuditKind
from service.domain.errors import Refused
from service.domain.uids import is_uid
from service.flow.store import Transaction
from service.flow.store_status import StoreStatus
from service.flow.words import count
from service.web.dicomweb.media import DICOM, JSON, MULTIPART, accepted, chosen
from service.web.dicomweb.parts import Malformed, Parts
from service.web.dicomweb.resources import Where
from service.web.dicomweb.stored import NotDicom, stored
from service.web.door import visitor_of
from service.web.services import services_of
from service.web.trail import address, audit

BATCH = 1024**2
"""Bytes that are gathered before a thread writes them, while the next ones are gathered."""
MAX_BOUNDARY = 200
"""RFC 2046 allows 70; Orthanc's plug-in sends 73 (knowledge.md, "objects that come over the web")."""
_SLOWEST = 8
"""A batch is whole within so many times `scp.network_timeout_s`."""
_PLAIN = frozenset(("", "binary", "8bit", "7bit"))


class Places:
    """Threads that write what arrives: as many as requests at once, so that pages keep theirs."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self.threads = ThreadPoolExecutor(most, thread_name_prefix="store")

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for one request; on the event loop alone. Raises 503."""
        if self._taken >= self._most:
            text = f"{self._most} store requests are under way (web.store_requests); come again."
            raise HTTPException(503, text, headers={"Retry-After": "10"})
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


async def store(request: Request, study_uid: str = "") -> Response:
    """Store every part; those of another study than the address names are refused."""
    boundary = _boundary(request, study_uid)
    kind = chosen(accepted(request), (JSON, "application/json"))
    places = cast(Places, request.app.state.places)
    with places.one():
        transaction = await run_in_threadpool(_opened, request, study_uid)
        parts, how = Parts(boundary, _Sink(transaction)), "aborted"
        try:
            await _take(request, parts, places.threads)
            how = "released"
        except ClientDisconnect:
            how = "lost"
            return Response(status_code=400)  # nobody reads it
        finally:
            await asyncio.shield(asyncio.ensure_future(run_in_threadpool(_ended, request, transaction, how)))
    if not transaction.outcomes:
        raise HTTPException(400, "The request holds no object.")
    return await run_in_threadpool(stored, transaction.outcomes, Where.of(request), kind=kind)


class _Sink:
    """Hands the parts of a message to a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.write, self.end = transaction.write, transaction.end

    def begin(self, headers: Mapping[str, str]) -> None:
        self._transaction.begin(_unwanted(headers))


def _unwanted(headers: Mapping[str, str]) -> NotDicom | None:
    kind = headers.get("content-type", DICOM).partition(";")[0].strip().lower()
    if kind != DICOM:
        return NotDicom(f"A part is not {DICOM}; metadata and bulk data apart are not taken.")
    if headers.get("content-transfer-encoding", "").strip().lower() not in _PLAIN:
        return NotDicom("A part has a Content-Transfer-Encoding; objects are sent as they are.")
    return None


def _boundary(request: Request, study_uid: str) -> bytes:
    """The boundary between the parts, before anything is read. Raises 400, 413, 415."""
    if study_uid and not is_uid(study_uid):
        raise HTTPException(400, "The address names no Study Instance UID.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "Compressed requests are not taken: send without Content-Encoding.")
    kind, options = parse_options_header(request.headers.get("content-type"))
    inner = options.get(b"type", DICOM.encode()).strip().lower()
    if kind.lower() != MULTIPART.encode() or inner != DICOM.encode():
        raise HTTPException(415, f'Objects are taken as {MULTIPART}; type="{DICOM}", and as nothing else.')
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= MAX_BOUNDARY or not boundary.isascii() or boundary.endswith(b" "):
        raise HTTPException(400, f"The Content-Type names no boundary, or none of 1 to {MAX_BOUNDARY} characters.")
    announced, most = request.headers.get("content-length", "0"), services_of(request).settings.web.store_max_bytes
    if not announced.isdecimal() or int(announced) > most:
        raise _too_much(most)
    return boundary


def _too_much(most: int) -> HTTPException:
    text = f"The request is larger than {most} bytes (web.store_max_bytes): send its objects in several."
    return HTTPException(413, text)


def _opened(request: Request, study_uid: str) -> Transaction:
    """Raises 403 for who is no source, 507 below the disk's reserve."""
    intake = services_of(request).intake
    try:
        caller = intake.caller(account=visitor_of(request).account.name, address=address(request))
    except Refused as why:
        raise HTTPException(403, str(why)) from why
    if not intake.spool.has_room():
        raise HTTPException(
            507, "The disk is below its reserve: send again when there is room.", headers={"Retry-After": "60"}
        )
    return Transaction(intake, caller, study_instance_uid=study_uid)


def _ended(request: Request, transaction: Transaction, how: str) -> None:
    """Close the transaction and record it. Raises Unavailable: what cannot be recorded is not acknowledged."""
    transaction.close(how)
    who = visitor_of(request).account.name
    kept = Counter(
        each.header.instance.study_instance_uid
        for each in transaction.outcomes
        if each.header and each.status is StoreStatus.SUCCESS
    )
    for study, number in kept.items():
        detail = f"{count(number, 'object', 'objects')}, STOW-RS"
        audit(request, AuditKind.INSTANCES_TRANSFERRED, "C", who=who, study_instance_uid=study, detail=detail)
    failed = len(transaction.outcomes) - kept.total()
    if failed:
        detail = f"{count(failed, 'object', 'objects')} not stored, STOW-RS"
        audit(request, AuditKind.INSTANCES_TRANSFERRED, "C", who=who, success=False, detail=detail)


async def _take(request: Request, parts: Parts, threads: ThreadPoolExecutor) -> None:
    """Write one batch while the next one is gathered. Raises 400, 408, 413, ClientDisconnect."""
    writing: asyncio.Future[None] | None = None
    try:
        async for batch in _batches(request):
            if writing is not None:
                await writing
            writing = asyncio.get_running_loop().run_in_executor(threads, parts.feed, batch)
        if writing is not None:
            await writing
        parts.finish()
    except Malformed as why:
        raise HTTPException(400, f"{why} What came before is not lost, and may be sent again.") from why
    except TimeoutError as late:
        raise HTTPException(408, "The request stopped arriving. What came before may be sent again.") from late
    finally:
        if writing is not None and not writing.done():
            await asyncio.wait([writing])


async def _batches(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about BATCH bytes. Raises TimeoutError, 413, ClientDisconnect."""
    settings = services_of(request).settings
    most, idle_s = settings.web.store_max_bytes, settings.scp.network_timeout_s
    loop, stream = asyncio.get_running_loop(), aiter(request.stream())
    held: list[bytes] = []
    size = total = 0
    until = loop.time() + _SLOWEST * idle_s
    while True:
        async with asyncio.timeout_at(min(until, loop.time() + idle_s)):
            chunk = await anext(stream, None)
        if chunk is None:
            break
        total += len(chunk)
        if total > most:
            raise _too_much(most)
        held.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            yield b"".join(held)
            held, size, until = [], 0, loop.time() + _SLOWEST * idle_s
    if held:
        yield b"".join(held)
