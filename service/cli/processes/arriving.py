"""What the processes share in which studies arrive: the one way in, and the way out for originals (invariant 5)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dicom_nodes.forwarder import Forwarder
from dicom_nodes.part10 import own_meta
from service.cli.processes.lifetime import name_of
from service.cli.recent import Recent
from service.domain.config import Configuration
from service.flow.diary import Diary
from service.flow.receive import Receive, receive
from service.flow.store import Intake
from service.ports.services import Services

KEEPERS = 8
"""Objects of all store requests that are kept at once."""


def forwarding(services: Services, process: str) -> Forwarder:
    """Sends on what arrives in this process."""
    return Forwarder(
        worker=name_of(process),
        ledger=services.ledger,
        configurations=services.configurations,
        connect=services.peers.destination,
        clock=services.clock,
    )


def receiving(services: Services, active: Callable[[], Configuration], *, on_forward: Callable[[str], None]) -> Receive:
    """`receive` with this installation's ports."""
    return partial(
        receive,
        spool=services.spool,
        ledger=services.ledger,
        headers=services.headers,
        configuration=active,
        clock=services.clock,
        own_devices=frozenset({services.settings.device_uid}),
        on_forward=on_forward,
    )


def intake(services: Services, diary: Diary, *, on_forward: Callable[[str], None]) -> Intake:
    """What store requests need of this installation."""
    active = Recent(lambda: services.configurations.active().configuration)
    return Intake(
        receive=receiving(services, active, on_forward=on_forward),
        spool=services.spool,
        headers=services.headers,
        ledger=services.ledger,
        configuration=active,
        diary=diary,
        clock=services.clock,
        own_meta=own_meta,
        keepers=ThreadPoolExecutor(KEEPERS, thread_name_prefix="keep"),
        max_object_bytes=services.settings.scp.max_object_bytes,
    )
