"""Sign in and out: a token for a session cookie and back."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.said import say
from service.web.door import field, patience, turned_away, visitor_of
from service.web.rendering import page
from service.web.services import services_of
from service.web.sessions import COOKIE, close_session, open_session
from service.web.trail import audit


def form(request: Request, next: str = "/") -> Response:
    return page(request, "sign_in.html", next=own_path(next), wrong="")


async def enter(request: Request) -> Response:
    """Open a session. Never says whether a token exists, has expired or was revoked."""
    return await run_in_threadpool(_enter, request)


def _enter(request: Request) -> Response:
    services = services_of(request)
    hours, now = services.settings.web.session_hours, services.clock.now()
    opened = open_session(services.accounts, field(request, "token"), hours=hours, now=now)
    target = own_path(field(request, "next"))
    if opened is None:
        patience(request)
        turned_away(request, "sign-in refused")
        return page(request, "sign_in.html", status=401, next=target, wrong=say("This token does not open the door."))
    secret, account = opened
    audit(request, AuditKind.USER_AUTHENTICATION, "E", who=account.name, detail="signed in")
    answer = RedirectResponse(target, status_code=303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, secret, max_age=int(hours * 3600), httponly=True, samesite="strict", secure=secure)
    return answer


def leave(request: Request) -> Response:
    """Close the session."""
    close_session(services_of(request).accounts, request.cookies.get(COOKIE, ""))
    audit(request, AuditKind.USER_AUTHENTICATION, "E", who=visitor_of(request).account.name, detail="signed out")
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def home(request: Request) -> Response:
    """The first page that the visitor may see: of who only reads reports the work list."""
    account = visitor_of(request).account
    if account.may(Role.RADIOLOGIST) and not account.may(Role.OPERATOR):
        return RedirectResponse("/worklist", status_code=303)
    return RedirectResponse("/operations" if account.may(Role.VIEWER) else "/audit", status_code=303)


def own_path(text: str) -> str:
    """`text` if it is a path of ours, else the home page: nobody is sent elsewhere after signing in."""
    own = text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text and text.isprintable()
    return text if own else "/"
