"""`preread check`: one line and an exit code for a site's monitoring (0 ok, 1 warning, 2 critical)."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from service.bootstrap import silent
from service.cli import probes
from service.cli.addresses import running
from service.cli.installed import require_ledger
from service.cli.probes import Level, Probe
from service.domain.errors import PrereadError
from service.settings import Settings


def check(context: typer.Context) -> None:
    """State of a running installation, as Nagios and its kin want it: 0 ok, 1 warning, 2 critical."""
    found = list(_look(context.obj))
    worst = max(probe.level for probe in found)
    said = "; ".join(f"{probe.name}: {probe.text}" for probe in found if probe.level is worst)
    print(f"PREREAD {worst.name} - {' '.join(said.split())}")
    raise typer.Exit(int(worst))


def _look(given: Settings) -> Iterator[Probe]:
    """Every probe; what cannot be looked at is critical, and nothing after it is asked."""
    try:
        require_ledger(given)
        settings = running(given)
        services = silent(settings, process="check")
        ledger = probes.ledger(services)
        yield ledger
        if ledger.level is Level.OK:
            yield probes.disk(services)
            broker = probes.broker(settings)
            yield broker
            yield probes.models(services)
            yield probes.processes(services, broker=broker.level)
            yield probes.lanes(services)
    except PrereadError as error:
        yield Probe("check", Level.CRITICAL, str(error))
