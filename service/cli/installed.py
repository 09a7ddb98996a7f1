"""The services of an installation that is there, for the verbs that look at it or correct it."""

from __future__ import annotations

import typer

from service import bootstrap
from service.cli.addresses import running
from service.domain.errors import Misconfigured
from service.ports.services import Services
from service.settings import Settings


def installed(context: typer.Context, *, rings: bool = False) -> Services:
    """Services over a ledger of this version; `rings` if the verb wakes workers.

    Raises Misconfigured where no installation lies, or an older one, and Unavailable while its database is away.
    """
    settings: Settings = context.obj
    require_ledger(settings)
    process = context.command_path.split()[1]
    make = bootstrap.build if rings else bootstrap.silent
    services = make(running(settings), process=process)
    if services.ledger.pending():
        raise Misconfigured(
            "the ledger has no tables of this version yet; start `preread up` or `preread scp`, which make them"
        )
    return services


def require_ledger(settings: Settings) -> None:
    """Raises Misconfigured where no installation lies; nothing is made by looking at a wrong folder."""
    if not settings.database and not (settings.data / "ledger.sqlite").is_file():
        raise Misconfigured(
            f"there is no installation in {settings.data.absolute()}; name its folder with PREREAD_DATA or --settings, "
            "or make one there with `preread config apply FOLDER` or `preread up --config FOLDER`"
        )
