"""Middleware: headers that every answer carries, and a bound on what anybody may send."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.dicomweb.media import DICOM, MULTIPART
from service.web.dicomweb.resources import ROOT

MAX_BODY_BYTES = 64 * 1024

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""What stands on every answer; a route that sets one of these itself keeps its own value."""
HSTS = "max-age=31536000"


class SafeHeaders:
    """Adds HEADERS to every answer, and Strict-Transport-Security to those over TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self._app(scope, receive, with_headers)


class SmallBodies:
    """Answers 413 to a body above MAX_BODY_BYTES, announced or not; what is stored has bounds of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _stores(scope):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > MAX_BODY_BYTES:
            await _refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


def _stores(scope: Scope) -> bool:
    """Whether this is a store request, whose body is never read as a form nor held in memory."""
    kind = Headers(scope=scope).get("content-type", "").lower()
    return _goes_to_the_store(scope) and kind.startswith(MULTIPART)


def _goes_to_the_store(scope: Scope) -> bool:
    return bool(scope["method"] == "POST" and scope["path"].startswith(f"{ROOT}/studies"))


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    code, text = 413, f"This request is larger than {MAX_BODY_BYTES // 1024} KiB, more than any form here needs.\n"
    if _goes_to_the_store(scope):
        code, text = 415, f'Objects are taken as {MULTIPART}; type="{DICOM}", and as nothing else.\n'
    await PlainTextResponse(text, status_code=code)(scope, receive, send)
