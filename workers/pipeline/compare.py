"""Compare: the earlier study is brought and read by the same algorithm, and kept as a Step with where it came from."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from pydicom.uid import UID

from service.domain.errors import Misconfigured, PrereadError
from service.domain.job import Step
from service.domain.prior import PriorNode
from service.domain.protocol import ProtocolStep
from service.domain.report import Finding
from service.domain.rule import Priority
from service.domain.study import Instance, StoredInstance
from service.flow.priors import Brought, bring
from service.ports.exhibits import Compared
from service.ports.ledger import Claim
from service.ports.services import Services
from workers.algorithms.base import AlgorithmModule, Chooses
from workers.narrative.changes import changes
from workers.pipeline.ask import ask
from workers.pipeline.interpret import Reading
from workers.pipeline.kept import load
from workers.pipeline.select import again, select


def compare(
    ordinal: int, step: ProtocolStep, module: AlgorithmModule, images: Sequence[StoredInstance], claim: Claim,
    services: Services, *, why_not: str = "",
) -> Step:  # fmt: skip
    """Bring the earlier study and ask the algorithm's model what it shows.

    Never fails: what keeps it from being compared becomes a note. A deadline or a stopped model (`why_not`) does, too.
    """
    started, begun = services.clock.now(), time.monotonic()
    if not why_not and isinstance(module, Chooses):
        why_not = "an algorithm that chooses among the slices of a series would see a part of the earlier one"
    unasked = Brought(notes=(f"no earlier study was compared: {why_not}",))
    brought = unasked if why_not else _bring(step, images, claim, services)
    read = _read(ordinal, step, module, brought, claim, services) if brought.images else None
    if isinstance(read, str):
        brought, read = Brought(notes=(*brought.notes, read)), None
    plain = {
        "notes": brought.notes,
        "study": brought.study.study_instance_uid if brought.study else "",
        "day": brought.study.day if brought.study else "",
        "images": [_plain(stored) for stored in brought.images],
        "read": read.answer if read else "",
    }
    return Step(
        ordinal=ordinal,
        kind=step.kind,
        algorithm=step.algorithm,
        answer=json.dumps(plain),
        error="",
        model_digest=read.model_digest if read else "",
        prompt_digest=read.prompt_digest if read else "",
        attempt=claim.job.attempt,
        started_at=started,
        took_s=time.monotonic() - begun,
    )


def add_changes(reading: Reading, module: AlgorithmModule, step: Step, *, namespace: str) -> None:
    """Add to `reading` what changed since the study that a kept step read."""
    kept = json.loads(step.answer)
    if not kept["read"]:
        reading.compare((), notes=kept["notes"])
        return
    prior, device = _findings(module, kept, namespace)
    current = [found for found in reading.findings if found.algorithm_uid == device]
    told = changes(current, prior, kept["day"])
    compared = f"compared with the study of {kept['day']}, read by the same algorithm"
    unread = f"the earlier study of {kept['day']} could not be read, so nothing was compared"
    notes = (*kept["notes"], compared if told else unread)
    reading.compare(told, notes=notes)


def compared(step: Step) -> Compared | None:
    """The earlier study that a kept step's model read, with the images of it that were brought."""
    kept = json.loads(step.answer)
    if not kept["read"]:
        return None
    images = tuple(_stored(row) for row in kept["images"])
    return Compared(study_instance_uid=UID(kept["study"]), day=kept["day"], images=images)


def images_compared(step: Step) -> tuple[Instance, ...]:
    """The earlier images that a kept step's model read."""
    kept = json.loads(step.answer)
    if not kept["read"]:
        return ()
    asked = {one.image for one in load(kept["read"]).asked}
    instances = (_stored(row).instance for row in kept["images"])
    return tuple(instance for instance in instances if instance.sop_instance_uid in asked)


def _bring(step: ProtocolStep, images: Sequence[StoredInstance], claim: Claim, services: Services) -> Brought:
    version = services.configurations.version(claim.job.config_version)
    node: PriorNode = version.configuration.prior_node(step.priors)
    return bring(
        claim.identity, claim.job.study_instance_uid, modality=images[0].instance.modality,
        stat=claim.job.priority is Priority.STAT, node=node, source=services.priors.source(node),
        spool=services.spool, headers=services.headers,
    )  # fmt: skip


def _read(
    ordinal: int, step: ProtocolStep, module: AlgorithmModule, brought: Brought, claim: Claim, services: Services
) -> Step | str:
    """The model's answers for the earlier study, or why there are none."""
    assert brought.study is not None
    try:
        card = services.models.card(module.MODEL)
        selection = select(brought.images, module, card.limits, brought.study.identity)
        if not selection.images:
            reasons = "; ".join(selection.left_out) or "it has no image for this algorithm"
            return f"the earlier study of {brought.study.day} was not compared: {reasons}"
        return ask(
            ordinal, step, module, card, selection, brought.study.identity,
            attempt=claim.job.attempt, priority=int(claim.job.priority), timeout_s=services.settings.models.timeout_s,
            models=services.models, pixels=services.pixels, clock=services.clock,
        )  # fmt: skip
    except Misconfigured:
        raise
    except PrereadError as error:
        return f"the earlier study of {brought.study.day} was not compared: {error}"


def _findings(module: AlgorithmModule, kept: dict[str, Any], namespace: str) -> tuple[Sequence[Finding], UID]:
    """What the earlier study shows, and by whom it was read; nothing where an answer cannot be read."""
    answers = load(kept["read"])
    instances = [_stored(row) for row in kept["images"]]
    reading = Reading(modality=instances[0].instance.modality, images=(), namespace=f"{namespace} {kept['study']}")
    reading.add(module, again(instances, [one.image for one in answers.asked], answers.left_out), answers)
    return reading.findings, answers.algorithm.device_uid


def _plain(stored: StoredInstance) -> dict[str, Any]:
    instance = stored.instance
    named = {**asdict(replace(instance, attributes={})), "attributes": dict(instance.attributes)}
    return {"instance": named, "location": stored.location, "sha256": stored.sha256, "size": stored.size}


def _stored(row: dict[str, Any]) -> StoredInstance:
    named: dict[str, Any] = {
        name: UID(value) if name.endswith("_uid") else value for name, value in row["instance"].items()
    }
    return StoredInstance(**{**row, "instance": Instance(**named)})
