"""`preread deliveries`: what is owed to whom, and sending again."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, console, rows, when
from service.cli.trail import audit, operator
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.lane import deliver_lane
from service.flow.wake import wake
from service.ports.catalogue import DeliveryRecord

app = typer.Typer(
    name="deliveries", help="Results and originals on their way out.", no_args_is_help=True, add_completion=False
)

COLUMNS = ("delivery", "study", "kind", "role", "destination", "state", "attempt", "created", "last_error")


@app.command("list")
def show_all(
    context: typer.Context,
    state: Annotated[list[DeliveryState] | None, typer.Option()] = None,
    destination: str = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: AsJson = False,
) -> None:
    """Newest first."""
    catalogue = installed(context).catalogue
    found = catalogue.deliveries(states=tuple(state or ()), destination=destination, limit=limit)
    rows([_row(record, context) for record in found], COLUMNS, as_json=json)


@app.command()
def retry(context: typer.Context, delivery_id: str) -> None:
    """Send again what was refused, held, expired or sent."""
    services = installed(context, rings=True)
    audit(services, f"resend of delivery {delivery_id[:64]}")
    if not services.ledger.retry_delivery(delivery_id, by=operator(), now=services.clock.now()):
        raise Unknown(
            f"delivery {delivery_id} is unknown or in no state to be sent again; `preread deliveries list` shows them"
        )
    lanes = [lane for lane in services.ledger.due_lanes() if lane.startswith(deliver_lane(""))]
    wake(services.bell, *lanes)
    console.print(f"delivery {delivery_id} is due now")


def _row(record: DeliveryRecord, context: typer.Context) -> dict[str, object]:
    delivery = record.delivery
    return {
        "delivery": delivery.delivery_id,
        "kind": delivery.kind,
        "role": delivery.role or ("original" if delivery.kind is DeliveryKind.ORIGINAL else ""),
        "study": delivery.study_instance_uid,
        "sop_instance_uid": delivery.sop_instance_uid,
        "destination": delivery.destination,
        "state": delivery.state,
        "attempt": delivery.attempt,
        "created": when(record.created_at, context),
        "last_error": delivery.last_error,
    }
