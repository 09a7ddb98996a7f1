"""Bind: whether the front door may open on the address it was told to."""

from __future__ import annotations

from service.domain.errors import Misconfigured
from service.ports.accounts import Accounts
from service.settings import Settings
from service.web.door import is_loopback
from service.web.sessions import MARK


def check_bind(settings: Settings, accounts: Accounts) -> None:
    """Raises Misconfigured for an address that others can reach while no token was issued."""
    host = settings.web.host
    if is_loopback(host) or any(MARK not in token.account.name for token in accounts.tokens()):
        return
    raise Misconfigured(
        f"web.host is {host!r}, which other machines can reach, but no token was issued. "
        "Issue one with `preread tokens create NAME --role viewer`, or set web.host to 127.0.0.1."
    )
