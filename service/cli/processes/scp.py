"""`preread scp`: receive, and forward originals."""

from __future__ import annotations

import gc

import typer

from dicom_nodes.forwarder import Forwarder
from dicom_nodes.scp.server import StorageScp
from service import bootstrap
from service.cli.processes.arriving import forwarding, receiving
from service.cli.processes.lifetime import beating, sweeping, until_told
from service.cli.recent import Recent
from service.cli.ticker import Ticker
from service.ports.services import Services

LOOK_EVERY_S = 60.0
"""How late an original may be seen that no arrival announced."""


def scp(context: typer.Context) -> None:
    """Receive studies over DICOM, and forward originals as they arrive."""
    services = bootstrap.build(context.obj, process="scp")
    services.ledger.upgrade()
    forwarder = forwarding(services, "scp")
    receiver = _receiver(services, forwarder)
    tickers = [beating(services, "scp").start(), sweeping(services, "scp").start()]
    looking = Ticker("forward lanes", forwarder.look, every_s=LOOK_EVERY_S).start()
    forwarder.resume(node.name for node in services.configurations.active().configuration.destinations)
    # What stands by now stands for good: looking through it for garbage with every few objects is work for nothing.
    gc.freeze()
    receiver.start()
    until_told()
    receiver.stop()
    looking.stop()
    forwarder.stop()
    for ticker in tickers:
        ticker.stop()
    services.ledger.close()


def _receiver(services: Services, forwarder: Forwarder) -> StorageScp:
    active = Recent(lambda: services.configurations.active().configuration)
    return StorageScp(
        services.settings.scp,
        receive=receiving(services, active, on_forward=forwarder.wake),
        spool=services.spool,
        ledger=services.ledger,
        configuration=active,
        clock=services.clock,
        process="scp",
    )
