"""Live: a fragment of a page sent again whenever it has changed (server-sent events)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from service.domain.errors import Unavailable
from service.domain.said import say
from service.web.door import door_of, knock

EVERY_S = 2.0
MAX_STREAMS = 64
LAST = "event: last\ndata: last\n\n"
"""The page closes its stream when it hears this."""
HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a page; after the last one nothing more will change by itself."""

    text: str
    last: bool = False


class Streams:
    """How many streams are open; one process serves a bounded number."""

    def __init__(self, most: int = MAX_STREAMS) -> None:
        self.most, self.open = most, 0


def stream(request: Request, fragment: Callable[[], Fragment], *, every_s: float = EVERY_S) -> StreamingResponse:
    """Send what `fragment` (blocking) returns, now and after each change, until the visitor leaves or may no
    longer see it. Raises 503 beyond MAX_STREAMS."""
    streams: Streams = request.app.state.streams
    if streams.open >= streams.most:
        raise HTTPException(503, say("Too many live views are open. Reload the page to see the newest state."))
    return StreamingResponse(
        _events(request, streams, fragment, every_s), headers=HEADERS, media_type="text/event-stream"
    )


async def _events(
    request: Request, streams: Streams, fragment: Callable[[], Fragment], every_s: float
) -> AsyncIterator[str]:
    streams.open += 1
    try:
        sent = ""
        while not await request.is_disconnected():
            if not await run_in_threadpool(_still_welcome, request):
                return
            seen = await _look(fragment)
            yield message(seen.text) if seen.text and seen.text != sent else ": nothing new\n\n"
            if seen.last:
                yield LAST
                return
            sent = seen.text or sent
            await asyncio.sleep(every_s)
    finally:
        streams.open -= 1


async def _look(fragment: Callable[[], Fragment]) -> Fragment:
    try:
        return await run_in_threadpool(fragment)
    except Unavailable:
        return Fragment("")  # the page keeps what it shows; the next round asks again


def _still_welcome(request: Request) -> bool:
    """A session that was revoked or has expired ends its streams, too."""
    try:
        visitor = knock(request)
    except (HTTPException, Unavailable):
        return False
    door = door_of(request.scope["route"])
    return visitor is not None and door is not None and door.admits(visitor.account)


def message(text: str) -> str:
    """One unnamed event; htmx swaps its data into the page."""
    return "".join(f"data: {line}\n" for line in text.splitlines() if line.strip()) + "\n"
