"""Sessions: short-lived tokens for browsers, issued through the Accounts port.

So they survive a restart, stand as hashes like every token, and can be revoked. A session's name says which token
opened it ("anna/session/t-12"); once that token is revoked or has expired, its sessions are worth nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.account import Account, Token
from service.ports.accounts import Accounts

COOKIE = "preread_session"
MARK = "/session/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who is at the door, and the secret that a form of theirs must carry."""

    account: Account
    csrf: str = ""
    """Empty for a program with a bearer token: browsers do not add those by themselves."""


def by_bearer(accounts: Accounts, secret: str, *, now: datetime) -> Visitor | None:
    """The visitor behind a bearer token; a browser's session is none."""
    account = accounts.who(secret, now=now)
    return Visitor(account=account) if account and MARK not in account.name else None


def by_cookie(accounts: Accounts, secret: str, *, now: datetime) -> Visitor | None:
    """The visitor behind a session cookie, if the token that opened it still holds."""
    account = accounts.who(secret, now=now)
    if account is None or MARK not in account.name:
        return None
    name, parent = account.name.rsplit(MARK, 1)
    if not any(token.token_id == parent and token.expires_at > now for token in accounts.tokens()):
        return None
    return Visitor(account=Account(name=name, roles=account.roles), csrf=csrf_of(secret))


def open_session(accounts: Accounts, secret: str, *, hours: float, now: datetime) -> tuple[str, Account] | None:
    """Exchange a token's secret for a session's; None if the token does not hold. Sweeps expired sessions."""
    visitor = by_bearer(accounts, secret, now=now)
    token = _token_of(accounts, secret)
    if visitor is None or token is None:
        return None
    for old in accounts.tokens():
        if MARK in old.account.name and old.expires_at <= now:
            accounts.revoke(old.token_id)
    until = min(now + timedelta(hours=hours), token.expires_at)
    name = f"{visitor.account.name}{MARK}{token.token_id}"
    return accounts.issue(name, visitor.account.roles, expires_at=until), visitor.account


def close_session(accounts: Accounts, secret: str) -> None:
    """Revoke the session; closing one that is gone is harmless."""
    token = _token_of(accounts, secret)
    if token and MARK in token.account.name:
        accounts.revoke(token.token_id)


def csrf_of(secret: str) -> str:
    """What forms of this session carry; it follows from the secret and does not give it away."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def same_secret(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _token_of(accounts: Accounts, secret: str) -> Token | None:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return next((token for token in accounts.tokens() if same_secret(token.sha256, digest)), None)
