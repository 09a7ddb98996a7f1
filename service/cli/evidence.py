"""`preread evidence`: everything that is known of one study's readings, so that a case can be reconstructed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, as_json_line, console, harmless, stamp
from service.domain.event import Event
from service.flow.words import count
from service.ports.catalogue import StudyRecord


def evidence(context: typer.Context, study: str, json: AsJson = False) -> None:
    """Manifests, answers, digests, results, deliveries and events of STUDY (a Study Instance UID)."""
    record = installed(context).catalogue.record(UID(study))
    if record is None:
        raise Unknown(f"no study {study} was received; `preread studies` shows the newest")
    if json:
        print(as_json_line(_whole(record), context))
        return
    console.print(f"study {study}: {record.row.state}, identity version {record.identity_version}")
    for manifest in record.manifests:
        console.print(
            f"manifest {manifest.version}: {count(len(manifest.instances), 'instance')}, digest {manifest.digest[:16]}"
        )
    for job in record.jobs:
        console.print(f"job {job.job.job_id}: {job.job.state} {job.outcome} {job.job.reason}".rstrip())
        for step in job.steps:
            console.print(
                f"  step {step.ordinal} {step.algorithm}: model {step.model_digest[:16]}, {step.took_s:.3f} s"
            )
    for made in record.objects:
        console.print(f"object {made.role}: {made.sop_instance_uid}, sha256 {made.sha256[:16]}")
    for sent in record.deliveries:
        delivery = sent.delivery
        console.print(f"delivery {delivery.role or 'original'} to {delivery.destination}: {delivery.state}")
    console.print(f"events ({context.obj.site.zone}):")
    for event in record.events:
        console.print(f"  {_clock(event, context)}  {event.kind}: {harmless(event.text)}")


def _clock(event: Event, context: typer.Context) -> str:
    return stamp(event.at.astimezone(ZoneInfo(context.obj.site.zone)))


def _whole(record: StudyRecord) -> dict[str, Any]:
    """Everything but who the patient is: the identity stays in the ledger, its version is named."""
    whole = asdict(record)
    whole["row"].pop("identity")
    return whole
