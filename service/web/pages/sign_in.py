"""Sign in and out: a token for a session cookie and back."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from service.domain.account import Account, Role
from service.domain.audit import AuditKind
from service.domain.said import say, say_join
from service.web.door import field, patience, turned_away, visitor_of
from service.web.rendering import page
from service.web.services import services_of
from service.web.sessions import COOKIE, by_bearer, close_session, open_session
from service.web.trail import audit


def form(request: Request, next: str = "/") -> Response:
    return page(request, "sign_in.html", next=own_path(next), wrong="")


async def enter(request: Request) -> Response:
    """Open a session. Never says whether a wrong token exists, has expired or was revoked."""
    return await run_in_threadpool(_enter, request)


def _enter(request: Request) -> Response:
    services = services_of(request)
    hours, now = services.settings.web.session_hours, services.clock.now()
    target, secret = own_path(field(request, "next")), field(request, "token")
    known = by_bearer(services.accounts, secret, now=now)
    if known is not None and not known.account.sees_pages:
        return _not_for_pages(request, known.account, target)
    opened = open_session(services.accounts, secret, hours=hours, now=now)
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


def _not_for_pages(request: Request, account: Account, target: str) -> Response:
    """Refuse a token that opens no page, and say what it is for. It proves who it is: no guess, so none is counted."""
    detail = "sign-in refused: the token opens no page"
    audit(request, AuditKind.USER_AUTHENTICATION, "E", who=account.name, success=False, detail=detail)
    wrong = (
        say("This token is for a program that sends objects (STOW-RS), and opens no page.")
        if account.may(Role.SENDER)
        else say("This token holds no role, and opens no page.")
    )
    advice = say("For the pages, ask whoever administers this service for a token of another role, such as viewer.")
    return page(request, "sign_in.html", status=403, next=target, wrong=say_join(" ", (wrong, advice)))


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
