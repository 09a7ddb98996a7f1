"""Accounts: who may come in. Tokens today; OpenID Connect stands behind the same port later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.domain.account import Account, Role, Token


class Accounts(Protocol):
    def issue(self, name: str, roles: frozenset[Role], *, expires_at: datetime) -> str:
        """Create a token and return its secret, the only time it is seen."""
        ...

    def who(self, secret: str, *, now: datetime) -> Account | None:
        """The account behind a secret; None if unknown, revoked or expired. Constant-time."""
        ...

    def revoke(self, token_id: str) -> bool:
        """Whether there was such a token."""
        ...

    def tokens(self) -> Sequence[Token]:
        """Every token that was issued and not revoked, without secrets."""
        ...
