"""`preread doctor`: what is missing or misconfigured here, and the remedy."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from service.bootstrap import silent
from service.cli import probes
from service.cli.addresses import running
from service.cli.installed import require_ledger
from service.cli.probes import Level, Probe
from service.cli.show import AsJson, console, harmless, rows
from service.domain.errors import PrereadError
from service.settings import Settings


def doctor(context: typer.Context, json: AsJson = False) -> None:
    """Look at everything; exit 1 if something is critical."""
    found = list(_look(context.obj))
    lines = [{"what": p.name, "state": p.level.name.lower(), "found": p.text, "remedy": p.remedy} for p in found]
    if json:
        rows(lines, (), as_json=True)
    else:
        _print(found)
    raise typer.Exit(int(any(probe.level is Level.CRITICAL for probe in found)))


def _print(found: list[Probe]) -> None:
    width = max(len(probe.name) for probe in found)
    for probe in found:
        console.print(f"{probe.level.name.lower():8}  {probe.name:{width}}  {harmless(probe.text)}")
        if probe.remedy:
            console.print(f"{'':8}  {'':{width}}  -> {probe.remedy}")


def _look(given: Settings) -> Iterator[Probe]:
    """From the ground up; what stands on something that is missing is not asked."""
    settings = running(given)
    yield from probes.embedded(settings)
    try:
        require_ledger(settings)
        services = silent(settings, process="doctor")
        ledger = probes.ledger(services)
        yield ledger
        yield probes.disk(services)
        broker = probes.broker(settings)
        yield broker
        yield probes.models(services)
        yield probes.verified(services)
        if ledger.level is Level.OK:
            configuration = probes.configuration(services)
            yield configuration
            yield probes.processes(services, broker=broker.level)
            yield probes.lanes(services)
            yield probes.audit(services)
            if configuration.level is not Level.CRITICAL:
                yield probes.destinations(services)
    except PrereadError as error:
        yield Probe("installation", Level.CRITICAL, str(error))
