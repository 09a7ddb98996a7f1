"""`preread models recall`: what a model's digest produced is listed and, if asked for, withdrawn."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.show import Unknown, console, rows
from service.cli.trail import audit, operator
from service.domain.rejection import Reason


class Why(StrEnum):
    """Why drafts are withdrawn; the titles of a rejection note."""

    SAFETY = "safety"
    QUALITY = "quality"

    @property
    def reason(self) -> Reason:
        return Reason[self.name]


WhyRecalled = Annotated[Why, typer.Option("--why", help="Rejected for Patient Safety Reasons, or for Quality Reasons.")]
COLUMNS = ("job", "study", "rule", "run")


def recall(
    context: typer.Context,
    digest: Annotated[str, typer.Argument(help="As `preread models card NAME` or a report tells it.")],
    why: WhyRecalled = Why.SAFETY,
    yes: Annotated[bool, typer.Option("--yes", help="Withdraw them; without it they are only listed.")] = False,
) -> None:
    """List every draft that a model of this digest read, and withdraw them with --yes."""
    services = installed(context)
    found = services.ledger.readings_of(digest.removeprefix("sha256:"))
    if not found:
        raise Unknown(f"no finished reading asked a model of digest {digest}; `preread jobs show ID` names digests")
    listed = [
        {"job": one.job_id, "study": one.study_instance_uid, "rule": one.rule, "run": one.run_number} for one in found
    ]
    rows(listed, COLUMNS, as_json=False)
    if not yes:
        console.print(f"{len(found)} drafts; nothing was withdrawn: stop the model first, then say --yes")
        return
    audit(services, f"recall of {len(found)} drafts of model digest {digest[:71]} ({why.reason.words})")
    now = services.clock.now()
    done = [services.ledger.recall(one.job_id, why.reason, by=operator(), now=now) for one in found]
    console.print(f"{sum(done)} drafts are recalled; rejection notes follow")
