"""`preread studies`: what arrived and where it stands. Names no patient: identifiers stay on the pages."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, console, harmless, rows, when
from service.cli.trail import audit, operator
from service.domain.config import ConfigVersion
from service.domain.errors import Misconfigured
from service.flow.explain import Explanation, explain
from service.flow.reroute import reroute
from service.ports.catalogue import StudyQuery, StudyRow
from service.ports.services import Services

app = typer.Typer(name="studies", add_completion=False)

COLUMNS = ("study", "state", "source", "modalities", "instances", "received", "note")


class StudyState(StrEnum):
    """Where a study stands, as the pages say it (`service.ports.catalogue.StudyRow`)."""

    RECEIVING = "receiving"
    UNMATCHED = "unmatched"
    SCHEDULED = "scheduled"
    READING = "reading"
    DELIVERING = "delivering"
    DONE = "done"
    ATTENTION = "attention"


@app.callback(invoke_without_command=True)
def studies(
    context: typer.Context,
    state: Annotated[StudyState | None, typer.Option(help="Only studies in this state.")] = None,
    modality: Annotated[str, typer.Option(help="Only studies with a series of this modality.")] = "",
    accession: Annotated[str, typer.Option(help="Only studies whose accession number begins so.")] = "",
    study: Annotated[str, typer.Option(help="Only the study with this Study Instance UID.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: AsJson = False,
) -> None:
    """Studies, newest first, each with where it stands and why."""
    if context.invoked_subcommand is not None:
        return
    query = StudyQuery(
        state=state or "", modality=modality, accession_number=accession, study_instance_uid=study, limit=limit
    )
    services = installed(context)
    version = _active(services)
    found = [_row(row, services, version, context) for row in services.catalogue.studies(query)]
    rows(found, COLUMNS, as_json=json)


@app.command()
def show(context: typer.Context, study: str, json: AsJson = False) -> None:
    """Why STUDY (a Study Instance UID) is where it is, what happens next, what to do: as its page says it."""
    services = installed(context)
    found = _explanation(study, services, _active(services))
    if found is None:
        raise _unknown(study)
    if json:
        print(jsonlib.dumps({"study": study, **asdict(found)}, ensure_ascii=False))
        return
    for sentence in found.sentences:
        console.print(harmless(sentence))


@app.command()
def route(context: typer.Context, study: str) -> None:
    """Route STUDY again under the active configuration, after a rule was corrected; schedules the jobs it lacks."""
    services = installed(context, rings=True)
    version = services.configurations.active()
    if services.ledger.study(UID(study)) is None:
        raise _unknown(study)
    audit(services, "route again", study_instance_uid=study)
    done = reroute(UID(study), services.ledger, version, by=operator(), clock=services.clock, bell=services.bell)
    if done is None:
        raise _unknown(study)
    console.print(harmless(done.sentence))


def _row(row: StudyRow, services: Services, version: ConfigVersion | None, context: typer.Context) -> dict[str, object]:
    explanation = _explanation(row.study_instance_uid, services, version)
    return {
        "study": row.study_instance_uid,
        "state": row.state,
        "source": row.source,
        "modalities": ", ".join(row.modalities),
        "instances": row.instances,
        "received": when(row.received_last, context),
        "note": explanation.headline if explanation else "",
        "last_event": row.note,
    }


def _explanation(study: str, services: Services, version: ConfigVersion | None) -> Explanation | None:
    """None for a study that never came."""
    record = services.catalogue.record(UID(study))
    if record is None:
        return None
    now = services.clock.now().astimezone(services.clock.zone)
    return explain(record, services.ledger.study(UID(study)), version, now=now)


def _active(services: Services) -> ConfigVersion | None:
    try:
        return services.configurations.active()
    except Misconfigured:
        return None


def _unknown(study: str) -> Unknown:
    return Unknown(f"no study {study} was received; `preread studies` shows the newest")
