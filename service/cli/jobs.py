"""`preread jobs`: readings, their steps, and reading again."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.recall import WhyRecalled
from service.cli.show import AsJson, Unknown, console, rows, when
from service.cli.trail import audit, operator
from service.domain.job import JobState
from service.domain.lane import READ
from service.flow.sign import run_again
from service.flow.wake import wake
from service.ports.catalogue import JobRecord
from service.ports.services import Services

app = typer.Typer(name="jobs", help="Readings.", no_args_is_help=True, add_completion=False)

COLUMNS = ("job", "study", "state", "outcome", "rule", "run", "attempt", "created", "reason")


@app.command("list")
def show_all(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: AsJson = False,
) -> None:
    """Newest first."""
    catalogue = installed(context).catalogue
    rows([_row(job, context) for job in catalogue.jobs(state=state, limit=limit)], COLUMNS, as_json=json)


@app.command()
def show(context: typer.Context, job_id: str, json: AsJson = False) -> None:
    """One job with its steps."""
    record = installed(context).catalogue.job(job_id)
    if record is None:
        raise Unknown(f"there is no job {job_id}; `preread jobs list` shows the newest")
    rows([_row(record, context) | {"report": record.report, "provenance": record.provenance}], COLUMNS, as_json=json)
    if not json:
        steps = [
            {"step": s.ordinal, "algorithm": s.algorithm, "took_s": f"{s.took_s:.3f}", "error": s.error}
            for s in record.steps
        ]
        rows(steps, ("step", "algorithm", "took_s", "error"), as_json=False, empty="no step was kept")


@app.command()
def replay(context: typer.Context, job_id: str) -> None:
    """Read again: a new job with the next run number, whose results supersede the former ones. A signed report that
    could not be written is only written again."""
    services = installed(context, rings=True)
    _audit(services, job_id, "rerun")
    again = run_again(services.ledger, services.signing, job_id, by=operator(), now=services.clock.now())
    job = services.catalogue.job(again) if again else None
    if job is None:
        raise Unknown(f"there is no job {job_id}; `preread jobs list` shows the newest")
    wake(services.bell, READ)
    console.print(f"job {again}, run {job.job.run_number}, is scheduled")


@app.command()
def cancel(context: typer.Context, job_id: str) -> None:
    """End a reading that is not finished; nothing of it is delivered."""
    services = installed(context)
    _audit(services, job_id, "cancel")
    if not services.ledger.cancel_job(job_id, by=operator(), now=services.clock.now()):
        raise Unknown(f"job {job_id} is unknown or finished; `preread jobs list` shows the newest")
    console.print(f"job {job_id} is canceled")


@app.command()
def recall(
    context: typer.Context,
    job_id: str,
    why: WhyRecalled,
) -> None:
    """Withdraw a draft: nothing of it leaves any more, and whoever has it gets a rejection note."""
    services = installed(context)
    reason = why.reason
    _audit(services, job_id, f"recall ({reason.words})")
    if not services.ledger.recall(job_id, reason, by=operator(), now=services.clock.now()):
        raise Unknown(
            f"job {job_id} is unknown, not finished, recalled already, or signed, which only an addendum corrects; "
            "`preread jobs list` shows the newest"
        )
    console.print(f"job {job_id} is recalled; `preread deliveries list` shows the rejection notes on their way")


def _audit(services: Services, job_id: str, act: str) -> None:
    """An act on a job that is there; of one that is not, the caller says so."""
    if record := services.catalogue.job(job_id):
        audit(services, f"{act} of job {job_id}", study_instance_uid=str(record.job.study_instance_uid))


def _row(record: JobRecord, context: typer.Context) -> dict[str, object]:
    job = record.job
    return {
        "job": job.job_id,
        "study": job.study_instance_uid,
        "state": job.state,
        "outcome": record.outcome,
        "rule": job.rule,
        "run": job.run_number,
        "attempt": job.attempt,
        "created": when(record.created_at, context),
        "reason": job.reason,
    }
