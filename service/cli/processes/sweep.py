"""`preread sweep`: what a lost message or a killed process left to do."""

from __future__ import annotations

from typing import Annotated

import typer

from service import bootstrap
from service.cli.processes.lifetime import beating, name_of, sweep_once, sweeping, until_told
from service.cli.ticker import Ticker
from service.flow.wake import wake
from service.ports.services import Services
from workers.lanes import drain_all, owed

SEAL_EVERY_S = 600
"""How much of the end of an audit chain could be cut off unseen."""


def sweep(
    context: typer.Context,
    once: Annotated[bool, typer.Option(help="Sweep, work every due lane without a broker, and end.")] = False,
) -> None:
    """Hand over complete studies, take back leases, ring; works the lanes itself while the broker is away."""
    services = bootstrap.build(context.obj, process="sweep")
    services.ledger.upgrade()
    name = name_of("sweep")
    if once:
        sweep_once(services, name)
        drain_all(services, worker=name)
        return
    tickers = [
        beating(services, "sweep").start(),
        sweeping(services, "sweep").start(),
        Ticker("seal", lambda: services.trail.seal(at=services.clock.now()), every_s=SEAL_EVERY_S).start(),
        Ticker("drain", lambda: _drain_unheard(services, name), every_s=services.settings.worker.sweep_s).start(),
    ]
    until_told()
    for ticker in tickers:
        ticker.stop()
    services.ledger.close()


def _drain_unheard(services: Services, worker: str) -> None:
    """Work what is owed if nobody can be rung for it."""
    lanes = owed(services.ledger)
    if lanes and not wake(services.bell, *lanes):
        drain_all(services, worker=worker)
