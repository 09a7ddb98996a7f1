"""`preread tokens`: who may come in over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, console, rows, when
from service.cli.trail import audit
from service.domain.account import Role
from service.flow.words import count

app = typer.Typer(name="tokens", help="Access tokens for pages and API.", no_args_is_help=True, add_completion=False)


@app.command()
def create(
    context: typer.Context,
    name: str,
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    days: Annotated[int, typer.Option(min=1, max=3650)] = 90,
) -> None:
    """Issue a token and print its secret, the only time it is shown."""
    services = installed(context)
    expires_at = services.clock.now() + timedelta(days=days)
    audit(services, f"token created for {name} with {', '.join(sorted(role))}, {count(days, 'day')}")
    console.print(services.accounts.issue(name, frozenset(role), expires_at=expires_at))


@app.command("list")
def show(context: typer.Context, json: AsJson = False) -> None:
    """Every token that was not revoked."""
    found = [
        {
            "id": token.token_id,
            "name": token.account.name,
            "roles": ", ".join(sorted(token.account.roles)),
            "expires": when(token.expires_at, context),
        }
        for token in installed(context).accounts.tokens()
    ]
    rows(found, ("id", "name", "roles", "expires"), as_json=json, empty="no token was issued")


@app.command()
def revoke(context: typer.Context, token_id: str) -> None:
    """End a token now."""
    services = installed(context)
    if token_id not in {token.token_id for token in services.accounts.tokens()}:
        raise Unknown(f"there is no token {token_id}; `preread tokens list` shows them")
    audit(services, f"token {token_id} revoked")
    services.accounts.revoke(token_id)
    console.print(f"token {token_id} is revoked")
