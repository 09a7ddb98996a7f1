"""`preread studies`: what arrived and where it stands. Names no patient: identifiers stay on the pages."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.show import AsJson, rows, when
from service.ports.catalogue import StudyQuery


class StudyState(StrEnum):
    """Where a study stands, as the pages say it (`service.ports.catalogue.StudyRow`)."""

    RECEIVING = "receiving"
    UNMATCHED = "unmatched"
    SCHEDULED = "scheduled"
    READING = "reading"
    DELIVERING = "delivering"
    DONE = "done"
    ATTENTION = "attention"


def studies(
    context: typer.Context,
    state: Annotated[StudyState | None, typer.Option(help="Only studies in this state.")] = None,
    modality: Annotated[str, typer.Option(help="Only studies with a series of this modality.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: AsJson = False,
) -> None:
    """Studies, newest first."""
    query = StudyQuery(state=state or "", modality=modality, limit=limit)
    found = [
        {
            "study": row.study_instance_uid,
            "state": row.state,
            "source": row.source,
            "modalities": ", ".join(row.modalities),
            "instances": row.instances,
            "received": when(row.received_last, context),
            "note": row.note,
        }
        for row in installed(context).catalogue.studies(query)
    ]
    rows(found, ("study", "state", "source", "modalities", "instances", "received", "note"), as_json=json)
