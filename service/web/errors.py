"""Errors: every refusal is a sentence, as a page for people and as a problem document (RFC 9457) for programs."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.domain.errors import Misconfigured, Unavailable
from service.domain.said import Said, say
from service.web.languages.catalogue import catalogue
from service.web.languages.language import language_of
from service.web.rendering import page
from service.web.sessions import Visitor

_TITLES: dict[int, str] = {
    401: say("Unauthorized"), 403: say("Forbidden"), 404: say("Not Found"), 405: say("Method Not Allowed"),
    409: say("Conflict"), 413: say("Request Too Large"), 422: say("Unprocessable"), 429: say("Too Many Requests"),
    500: say("Internal Server Error"), 503: say("Service Unavailable"),
}  # fmt: skip

log = structlog.get_logger(__name__)

_SENTENCES = {
    404: say("There is nothing at this address. It may have been removed, or the address has a typing error."),
    405: say("This address does not answer that kind of request."),
    413: say("This request is larger than anything that is needed here."),
}


def install(app: FastAPI) -> None:
    """Let every error of `app` end as a sentence."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Misconfigured, _misconfigured)
    app.add_middleware(LastResort)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    standard = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != standard else _SENTENCES.get(error.status_code, f"{standard}.")
    if error.status_code == 401 and wants_page(request):
        return _to_sign_in(request)
    headers = dict(error.headers or {})
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _answer(request, error.status_code, detail, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """What was sent is never repeated: it may be patient data."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = str(first.get("loc", ("request",))[-1])
    return _answer(
        request,
        422,
        say(
            "The field “{field}” is not as it should be: {why}.",
            field=where,
            why=str(first.get("msg", "wrong")).lower(),
        ),
        {},
    )


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("unavailable", path=request.url.path, error=str(error))
    return _answer(
        request, 503, say("A part of the service is away for now: {why}. Try again shortly.", why=str(error)), {}
    )


async def _misconfigured(request: Request, error: Exception) -> Response:
    return _answer(request, 409, str(error), {})


class LastResort:
    """Answers for a bug. What the exception says is not logged, because it may quote patient data; where it
    was raised is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.filename}:{last.lineno} in {last.name}"
            log.error("page failed", path=scope.get("path", ""), kind=type(error).__name__, where=where)
            if scope["type"] != "http" or started:
                return
            text = say("Something is wrong in the service itself. The log of the web process says where.")
            await _answer(Request(scope), 500, text, {})(scope, receive, send)


def _answer(request: Request, status: int, detail: str, headers: dict[str, str]) -> Response:
    title = HTTPStatus(status).phrase
    if wants_page(request):
        answer: Response = page(request, "error.html", status=status, title=_title(status, title), detail=detail)
    else:
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **for_page(request, detail)}
        answer = JSONResponse(body, status_code=status, media_type="application/problem+json")
    answer.headers.update(headers)
    return answer


def for_page(request: Request, detail: str) -> dict[str, str]:
    """What a script of a page shows: `said`, the sentence in the page's language. Programs get English alone."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    browser = visitor is not None and bool(visitor.csrf)
    return {"said": catalogue(language_of(request)).say(detail)} if browser and isinstance(detail, Said) else {}


def _title(status: int, title: str) -> str:
    """The name of a status, as far as people meet it."""
    return _TITLES.get(status, title)


def _to_sign_in(request: Request) -> Response:
    target = "/sign-in"
    if request.method == "GET" and request.url.path != "/":
        target += f"?next={quote(request.url.path)}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asks, not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(
        ("/api/", "/dicom-web/")
    )
