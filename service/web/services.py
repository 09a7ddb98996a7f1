"""Services: what the front door needs of the house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from fastapi import Request

from service.flow.store import Intake
from service.ports.accounts import Accounts
from service.ports.audit import Audit, AuditTrail
from service.ports.bell import Bell
from service.ports.catalogue import Catalogue
from service.ports.clock import Clock
from service.ports.configurations import Configurations
from service.ports.counts import Counts
from service.ports.differentials import Differentials
from service.ports.dismissals import Dismissals
from service.ports.edits import EditLog
from service.ports.exhibits import Exhibits
from service.ports.ledger import Ledger
from service.ports.models import Models
from service.ports.nodes import Nodes
from service.ports.prompts import Prompts
from service.ports.returning import Returning
from service.ports.services import Services as House
from service.ports.signing import Signing
from service.ports.templates import Templates
from service.ports.viewing import Viewing
from service.settings import Settings


class Disk(Protocol):
    """The part of the spool that health asks."""

    def has_room(self) -> bool: ...

    def free_bytes(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Ports and answers that pages show. Wired once; safe for use from many threads."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    catalogue: Catalogue
    configurations: Configurations
    models: Models
    nodes: Nodes
    bell: Bell
    accounts: Accounts
    audit: Audit
    disk: Disk
    viewing: Viewing
    edits: EditLog
    dismissals: Dismissals
    signing: Signing
    counts: Counts
    returning: Returning
    prompts: Prompts
    templates: Templates
    exhibits: Exhibits
    differentials: Differentials
    intake: Intake
    """Takes what is sent over STOW-RS."""
    migrated: Callable[[], bool]
    """Whether the ledger's tables are those of this version. Raises Unavailable if the ledger is away."""
    broker_answers: Callable[[], bool]
    """Whether the broker answers; never raises."""
    trail: AuditTrail | None = None
    """Reads the audit record back for the audit page; None if this site keeps it elsewhere."""

    @classmethod
    def of(
        cls,
        house: House,
        *,
        intake: Intake,
        migrated: Callable[[], bool],
        broker_answers: Callable[[], bool],
        trail: AuditTrail | None = None,
    ) -> Services:
        """What the front door needs, out of the whole house."""
        return cls(
            settings=house.settings,
            clock=house.clock,
            ledger=house.ledger,
            catalogue=house.catalogue,
            configurations=house.configurations,
            models=house.models,
            nodes=house.nodes,
            bell=house.bell,
            accounts=house.accounts,
            audit=house.audit,
            disk=house.spool,
            viewing=house.viewing,
            edits=house.edits,
            dismissals=house.dismissals,
            signing=house.signing,
            counts=house.counts,
            returning=house.returning,
            prompts=house.prompts,
            templates=house.templates,
            exhibits=house.exhibits,
            differentials=house.differentials,
            intake=intake,
            migrated=migrated,
            broker_answers=broker_answers,
            trail=trail,
        )


def services_of(request: Request) -> Services:
    """The services of the application that serves `request`."""
    return cast(Services, request.app.state.services)
