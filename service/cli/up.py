"""`preread up`: everything of this installation under one supervisor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.bootstrap import silent
from service.cli import fleet
from service.cli.addresses import alone
from service.cli.config import apply_from
from service.cli.show import console
from service.embedded.supervisor import supervise
from service.settings import Settings


def up(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(exists=True, help="Folder with rules.toml and nodes.toml to apply first.")
    ] = None,
) -> None:
    """Start receiver, workers, pages, and whatever of broker and model server is embedded; until Ctrl-C."""
    settings: Settings = context.obj
    with alone(settings.data, console.print) as held:
        fleet.require_ports(settings)
        _configure(settings, config)
        found = fleet.assemble(settings, say=console.print)
        held.post(found.settings)
        web = found.settings.web
        console.print(f"{found.engine}; DICOM on port {found.settings.scp.port}; pages at http://{web.host}:{web.port}")
        code = supervise(found.processes)
    raise typer.Exit(code)


def _configure(settings: Settings, folder: Path | None) -> None:
    """Before anything is started: tables, and a configuration. Raises Misconfigured if there is none."""
    services = silent(settings, process="up")
    services.ledger.upgrade()
    if folder is not None:
        version = apply_from(folder, services)
        console.print(f"configuration {version.number} is active")
    services.configurations.active()
    if not services.accounts.tokens():
        console.print(
            "no token yet: `preread tokens create NAME --role admin`, with the same settings, opens the pages"
        )
    services.ledger.close()
