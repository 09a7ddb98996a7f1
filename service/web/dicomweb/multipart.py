"""Multipart: several objects, frames or pictures as one answer (PS3.18 8.6.1.2, RFC 2387)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.responses import StreamingResponse

from service.web.dicomweb.media import MULTIPART

Chunks = Iterable[bytes | bytearray]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its content type, its address, its bytes."""

    kind: str
    location: str
    body: Chunks


def multipart(parts: Iterable[Part], *, kind: str, status: int = 200) -> StreamingResponse:
    """Send `parts` one after the other; `kind` is the media type of the first.

    What fails once the answer has begun ends the connection: a client must not take half of it for the whole.
    """
    boundary = secrets.token_hex(16)
    content_type = f'{MULTIPART}; type="{kind}"; boundary={boundary}'
    return StreamingResponse(_written(parts, boundary), status_code=status, media_type=content_type)


def _written(parts: Iterable[Part], boundary: str) -> Iterator[bytes | memoryview]:
    for part in parts:
        head = f"--{boundary}\r\nContent-Type: {part.kind}\r\nContent-Location: {part.location}\r\n\r\n"
        yield head.encode()
        yield from (memoryview(chunk) for chunk in part.body)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
