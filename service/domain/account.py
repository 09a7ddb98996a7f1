"""Role, Account, Token: who may do what over HTTP; deny by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    RADIOLOGIST = "radiologist"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SENDER = "sender"
    """A program that sends objects over STOW-RS, and nothing else; no other role holds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A person or program that has proved who it is."""

    name: str
    roles: frozenset[Role]

    def may(self, *wanted: Role) -> bool:
        """Whether one of the wanted roles is held; an admin may do what an operator or viewer may."""
        held = set(self.roles)
        if Role.ADMIN in held:
            held |= {Role.OPERATOR, Role.VIEWER}
        if Role.OPERATOR in held or Role.RADIOLOGIST in held:
            held |= {Role.VIEWER}
        return bool(held & set(wanted))

    @property
    def sees_pages(self) -> bool:
        """Whether one page at least is open to it: what only sends, or holds no role, has none."""
        return self.may(Role.VIEWER, Role.AUDITOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A stored token: only its SHA-256 is kept; the secret has 256 random bits, so no salt is needed."""

    token_id: str
    account: Account
    sha256: str
    expires_at: datetime
