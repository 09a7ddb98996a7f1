"""Door: the one way in. Every route names its door; `locked` refuses an application with a route that does not."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import cast

from fastapi import FastAPI, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.routing import BaseRoute

from service.domain.account import Account, Role
from service.domain.audit import AuditKind
from service.domain.errors import Misconfigured, Unavailable
from service.domain.said import say, say_as, say_many, say_or
from service.web.attempts import Attempts
from service.web.services import services_of
from service.web.sessions import COOKIE, Visitor, by_bearer, by_cookie, same_secret
from service.web.trail import NOBODY, address, audit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FIELDS = 1000
"""Fields of one form: a report template has up to 300, some of several boxes."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may use a route. Without roles nobody may, unless it says `anyone`, `signed_in` or `loopback`."""

    roles: frozenset[Role] = frozenset()
    anyone: bool = False
    """No credentials are asked for."""
    signed_in: bool = False
    """Any account, whatever its roles."""
    asks: bool = True
    """False for what must work while nobody can be recognised, such as "am I alive?" and the style sheet."""
    loopback: bool = False
    """A caller on this machine needs no credentials; one behind a proxy does not count as such."""
    person: bool = False
    """Somebody who has signed in to a browser; a program with a token, whatever its roles, is turned away."""

    async def __call__(self, request: Request) -> None:
        """Let the caller pass or raise 401, 403 or 429; the visitor stands in `request.state.visitor` afterwards."""
        visitor = await run_in_threadpool(self._visitor, request) if self.asks else None
        request.state.visitor = visitor
        if request.method not in SAFE_METHODS:
            same_site(request)
            await _own_form(request, visitor)
        if self.anyone or (self.loopback and on_this_machine(request)):
            return
        if visitor is None:
            raise HTTPException(401, say("Sign in first: this page and its data are for known accounts only."))
        if not self.admits(visitor.account):
            wanted = say_or([say_as("term", role) for role in sorted(self.roles)])
            raise HTTPException(403, say("This needs the role {role}; your account does not have it.", role=wanted))
        if self.person and not visitor.csrf:
            raise HTTPException(
                403, say("This needs a person who has signed in on the page; a token alone cannot do it.")
            )

    def _visitor(self, request: Request) -> Visitor | None:
        try:
            return knock(request)
        except Unavailable:
            if self.anyone or self.loopback:
                return None
            raise

    def admits(self, account: Account) -> bool:
        return self.anyone or self.signed_in or account.may(*self.roles)


def allow(*roles: Role) -> Door:
    return Door(roles=frozenset(roles))


ANYONE = Door(anyone=True)
BLIND = Door(anyone=True, asks=False)
SIGNED_IN = Door(signed_in=True)


def knock(request: Request) -> Visitor | None:
    """Who is at the door; a wrong bearer token is audited, counted and refused. Blocking.

    A right one always opens: behind a proxy many share an address, and 256 random bits need no slowing down.
    """
    services, now = services_of(request), services_of(request).clock.now()
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        visitor = by_bearer(services.accounts, secret.strip(), now=now)
        if visitor is None:
            patience(request)
            turned_away(request, "bearer token refused")
            raise HTTPException(401, say("This token is not known here, or it has expired."))
        return visitor
    cookie = request.cookies.get(COOKIE)
    return by_cookie(services.accounts, cookie, now=now) if cookie else None


def patience(request: Request) -> None:
    """Raise 429 for an address that failed too often."""
    attempts = cast(Attempts, request.app.state.attempts)
    wait = attempts.wait(address(request), now=services_of(request).clock.now())
    if wait:
        seconds = max(1, round(wait.total_seconds()))
        text = say_many(
            "Too many failed attempts from this address. Try again in {number} second.",
            "Too many failed attempts from this address. Try again in {number} seconds.",
            seconds,
        )
        raise HTTPException(429, text, headers={"Retry-After": str(seconds)})


def turned_away(request: Request, detail: str) -> None:
    """Audit and count a failed attempt."""
    cast(Attempts, request.app.state.attempts).failed(address(request), now=services_of(request).clock.now())
    audit(request, AuditKind.USER_AUTHENTICATION, "E", who=NOBODY, success=False, detail=detail)


def same_site(request: Request) -> None:
    """Raise 403 for a form that another site sent (Sec-Fetch-Site, Origin)."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    own = {f"http://{request.url.netloc}", f"https://{request.url.netloc}"}
    if site not in {"same-origin", "none"} or (origin and origin not in own):
        raise HTTPException(403, say("This request came from another site and was not carried out."))


async def _own_form(request: Request, visitor: Visitor | None) -> None:
    """Keep the form in `request.state.form`; raise 403 for a browser's form without its secret."""
    kind = request.headers.get("content-type", "")
    is_form = kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))
    form = await request.form(max_files=0, max_fields=MOST_FIELDS) if is_form else FormData()
    request.state.form = form
    if visitor and visitor.csrf:
        sent = request.headers.get("x-csrf-token") or form.get("csrf") or ""
        if not isinstance(sent, str) or not same_secret(sent, visitor.csrf):
            raise HTTPException(403, say("This form is out of date. Go back, reload the page and try again."))


def visitor_of(request: Request) -> Visitor:
    """The visitor whom the door let in."""
    return cast(Visitor, request.state.visitor)


def field(request: Request, name: str, *, limit: int = 256) -> str:
    """A text field of the form, trimmed and cut to `limit` characters; empty if it is missing."""
    value = cast(FormData, request.state.form).get(name, "")
    return value.strip()[:limit] if isinstance(value, str) else ""


def on_this_machine(request: Request) -> bool:
    """Whether the caller is on this machine itself, not behind a proxy that is."""
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
    return not forwarded and is_loopback(address(request)) and is_loopback(request.url.hostname or "")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def door_of(route: BaseRoute) -> Door | None:
    """The door that a route declares; None if it has none, or more than one."""
    dependant = getattr(route, "dependant", None)
    doors = [one.call for one in dependant.dependencies if isinstance(one.call, Door)] if dependant else []
    return doors[0] if len(doors) == 1 else None


def locked(app: FastAPI) -> FastAPI:
    """Return `app`. Raises Misconfigured if a route of it does not declare exactly one door."""
    for route in app.routes:
        if door_of(route) is None:
            raise Misconfigured(
                f"route {getattr(route, 'path', route)!r} declares no door: nobody knows who may use it"
            )
    return app
