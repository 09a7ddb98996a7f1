"""Services: every port of one process, wired once by service.bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

from service.ports.accounts import Accounts
from service.ports.audit import Audit, AuditTrail
from service.ports.bell import Bell
from service.ports.catalogue import Catalogue
from service.ports.clock import Clock
from service.ports.configurations import Configurations
from service.ports.differentials import Differentials
from service.ports.dismissals import Dismissals
from service.ports.edits import EditLog
from service.ports.exhibits import Exhibits
from service.ports.headers import Headers
from service.ports.ledger import Ledger
from service.ports.models import Models
from service.ports.nodes import Nodes
from service.ports.notes import Notes
from service.ports.orders import Orders
from service.ports.pixels import Pixels
from service.ports.priors import Priors
from service.ports.prompts import Prompts
from service.ports.returning import Returning
from service.ports.signing import Signing
from service.ports.spool import Spool
from service.ports.templates import Templates
from service.ports.viewing import Viewing
from service.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Built in the process that uses it, after every fork."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    catalogue: Catalogue
    spool: Spool
    headers: Headers
    pixels: Pixels
    viewing: Viewing
    models: Models
    bell: Bell
    configurations: Configurations
    nodes: Nodes
    """Opens a destination anew; the caller closes it."""
    peers: Nodes
    """The same destinations, kept open between calls: for deliveries."""
    accounts: Accounts
    audit: Audit
    trail: AuditTrail
    edits: EditLog
    dismissals: Dismissals
    signing: Signing
    returning: Returning
    orders: Orders
    notes: Notes
    priors: Priors
    exhibits: Exhibits
    prompts: Prompts
    templates: Templates
    differentials: Differentials
