"""`preread evidence`: everything that is known of one study's readings, so that a case can be reconstructed."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from typing import Any

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, console, harmless, when
from service.ports.catalogue import StudyRecord


def evidence(context: typer.Context, study: str, json: AsJson = False) -> None:
    """Manifests, answers, digests, results, deliveries and events of STUDY (a Study Instance UID)."""
    record = installed(context).catalogue.record(UID(study))
    if record is None:
        raise Unknown(f"no study {study} was received; `preread studies` shows the newest")
    if json:
        print(jsonlib.dumps(_whole(record), default=str, ensure_ascii=False))
        return
    console.print(f"study {study}: {record.row.state}, identity version {record.identity_version}")
    for manifest in record.manifests:
        console.print(
            f"manifest {manifest.version}: {len(manifest.instances)} instances, digest {manifest.digest[:16]}"
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
    for event in record.events:
        console.print(f"{when(event.at, context)}  {event.kind}: {harmless(event.text)}")


def _whole(record: StudyRecord) -> dict[str, Any]:
    """Everything but who the patient is: the identity stays in the ledger, its version is named."""
    whole = asdict(record)
    whole["row"].pop("identity")
    return whole
