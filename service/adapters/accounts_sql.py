"""Accounts as tokens in the ledger's database; of a secret only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, false, insert, select, true, update

from service.adapters.ledger import schema
from service.adapters.ledger.engine import Database
from service.domain.account import Account, Role, Token

_PREFIX = "preread"
"""Lets a scanner find a secret that was pasted where it should not be."""
_FORGET = timedelta(days=30)
"""Expired tokens are removed after so long; browser sessions are tokens, too, and would pile up."""
_NOBODY = "0" * 64

token = schema.token


class SqlAccounts:
    """The port `Accounts`. A secret is `preread_ID_256 random bits`."""

    def __init__(self, database: Database, *, site: str = "main", now: Callable[[], datetime]) -> None:
        self._database = database
        self._site = site
        self._now = now

    def issue(self, name: str, roles: frozenset[Role], *, expires_at: datetime) -> str:
        token_id = secrets.token_hex(8)
        secret = f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"
        with self._database.write() as connection:
            old = (token.c.site == self._site, token.c.expires_at < self._now() - _FORGET)
            connection.execute(delete(token).where(*old))
            connection.execute(
                insert(token).values(
                    site=self._site,
                    token_id=token_id,
                    name=name,
                    roles=" ".join(sorted(roles)),
                    sha256=_sha256(secret),
                    expires_at=expires_at,
                )
            )
        return secret

    def who(self, secret: str, *, now: datetime) -> Account | None:
        """The identifier inside the secret finds the row; the rest is compared in constant time, and is
        compared even if there is no such row."""
        query = select(token).where(token.c.site == self._site, token.c.token_id == _id_in(secret))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        known = hmac.compare_digest(_sha256(secret), _NOBODY if row is None else row.sha256)
        if row is None or not known or row.revoked or row.expires_at <= now:
            return None
        return _token(row).account

    def revoke(self, token_id: str) -> bool:
        mine = (token.c.site == self._site, token.c.token_id == token_id, token.c.revoked == false())
        with self._database.write() as connection:
            return connection.execute(update(token).where(*mine).values(revoked=true())).rowcount == 1

    def tokens(self) -> Sequence[Token]:
        query = select(token).where(token.c.site == self._site, token.c.revoked == false()).order_by(token.c.expires_at)
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(query)]


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _id_in(secret: str) -> str:
    parts = secret.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == _PREFIX and parts[1].isalnum() else ""


def _token(row: Row[*tuple[Any, ...]]) -> Token:
    roles = frozenset(Role(role) for role in row.roles.split())
    account = Account(name=row.name, roles=roles)
    return Token(token_id=row.token_id, account=account, sha256=row.sha256, expires_at=row.expires_at)
