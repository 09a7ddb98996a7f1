"""Store requests: a message out of objects, and what takes them put together around a ledger of the test."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from dicom_nodes.part10 import own_meta
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.config import Configuration
from service.domain.node import Source
from service.flow.diary import Diary
from service.flow.receive import receive
from service.flow.store import Intake
from service.ports.clock import Clock
from service.ports.ledger import Receiving
from service.ports.spool import Spool
from tests.support.receiving import CLOCK

BOUNDARY = "a boundary of 20"
GATEWAY = Source(name="gateway", account="anna", networks=("10.9.8.0/24", "127.0.0.0/8"), default_issuer="HOSPITAL")
HEADERS = {
    "content-type": f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"',
    "accept": "application/dicom+json",
}


def message(*parts: bytes, kind: str = "application/dicom", boundary: str = BOUNDARY) -> bytes:
    """`parts` as one multipart message."""
    head = f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def intake_of(
    ledger: Receiving,
    *,
    folder: Path | None = None,
    spool: Spool | None = None,
    headers: Part10Headers | None = None,
    sources: tuple[Source, ...] = (GATEWAY,),
    clock: Clock = CLOCK,
    max_object_bytes: int = 10**9,
    more: Mapping[str, Any] | None = None,
) -> Intake:
    """What takes store requests, its spool in `folder` unless one is given; `more` goes to receive()."""
    spool = spool or FileSpool(folder)  # type: ignore[arg-type]
    headers = headers or Part10Headers(children=1)
    configuration = Configuration(sources=sources)
    ports: dict[str, Any] = {
        "spool": spool, "ledger": ledger, "headers": headers, "configuration": lambda: configuration, "clock": clock,
    }  # fmt: skip
    diary = Diary(ledger, clock)
    diary.start()
    return Intake(
        receive=partial(receive, **(ports | dict(more or {}))),
        diary=diary,
        own_meta=own_meta,
        keepers=ThreadPoolExecutor(8),
        max_object_bytes=max_object_bytes,
        **ports,
    )
