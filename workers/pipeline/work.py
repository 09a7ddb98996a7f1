"""Work one claimed job from its manifest to its recorded results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from service.domain.code import PROCEDURES, UNKNOWN_PROCEDURE
from service.domain.config import Configuration, ConfigVersion
from service.domain.errors import Unavailable
from service.domain.job import MAX_CRASHES, Step, retry_after
from service.domain.node import DestinationNode
from service.domain.protocol import Protocol
from service.domain.report import Outcome, Report
from service.domain.rule import Mode, Rule, match
from service.domain.study import StoredInstance
from service.domain.uids import derive_uid
from service.flow.record import report_json
from service.ports.ledger import Claim
from service.ports.services import Services
from workers.pipeline.encode import Encoding, encode
from workers.pipeline.interpret import Reading
from workers.pipeline.select import evidence_of
from workers.pipeline.signed import LostLease, encode_signed
from workers.pipeline.steps import Asked, add, earlier_images, label_maps, take

NO_SERIES = "the rule no longer takes any series"
"""Why nothing is read where a rule took a series once and takes none of the same manifest now: what it asked of the
patient was corrected."""


def work(claim: Claim, services: Services) -> Outcome:
    """Read, record, and owe the results to their destinations; returns what became of the reading.

    Raises LostLease when the fence does not hold, and Unavailable or Misconfigured where waiting may help.
    """
    if claim.signed is not None:
        return encode_signed(claim, claim.signed, services)
    version = services.configurations.version(claim.job.config_version)
    report, steps = _read(claim, version, services, _why_not_ask(claim, services.clock.now()))
    return _finish(claim, version, report, steps, services)


def partly(claim: Claim, services: Services, reason: str) -> Outcome:
    """Record what kept steps give, and `reason` for what is missing; asks no model."""
    version = services.configurations.version(claim.job.config_version)
    report, steps = _read(claim, version, services, reason)
    return _finish(claim, version, report, steps, services)


def give_up(claim: Claim, services: Services, reason: str) -> Outcome:
    """Record that nothing was analysed and why: needs neither model nor card nor algorithm (invariant 9)."""
    version = services.configurations.version(claim.job.config_version)
    instances = claim.manifest.instances
    report = Report(
        outcome=Outcome.FAILED,
        algorithms=(),
        procedure=PROCEDURES.get(instances[0].instance.modality, UNKNOWN_PROCEDURE),
        images=tuple(evidence_of(stored) for stored in instances),
        reason=reason,
        language=services.settings.site.language,
    )
    return _finish(claim, version, report, (), services)


def can_wait(claim: Claim, now: datetime) -> bool:
    """Whether another attempt still comes before the job's deadline."""
    return claim.job.deadline is None or now + retry_after(claim.job.attempt) < claim.job.deadline


def _why_not_ask(claim: Claim, now: datetime) -> str:
    """Why no model is asked any more; empty while one is."""
    job = claim.job
    if job.origin is not None:
        return "its answers were not kept, and encoding again asks no model"
    if job.crashes >= MAX_CRASHES:
        return f"reading it ended its worker {job.crashes} times"
    if job.deadline and now >= job.deadline:
        return "its deadline passed before a model could read it"
    return ""


def _read(
    claim: Claim, version: ConfigVersion, services: Services, why_not_ask: str
) -> tuple[Report, tuple[Step, ...]]:
    """Go through the protocol: a kept step is used as it is, another is asked."""
    protocol = version.configuration.protocol(claim.job.protocol)
    matched = _matched(claim, version.configuration.rule(claim.job.rule), services)
    shown = matched or claim.manifest.instances
    namespace = derive_uid(services.settings.site.name, claim.job.study_instance_uid, protocol.name)
    reading = Reading(
        modality=shown[0].instance.modality,
        images=[evidence_of(stored) for stored in shown],
        namespace=namespace,
    )
    kept = {step.ordinal: step for step in claim.steps}
    done: list[Step] = []
    for ordinal, wanted in enumerate(protocol.steps, 1):
        step = kept.get(ordinal)
        if step is None and not matched:
            reading.missing(NO_SERIES, final=True)
        elif step is None:
            asked = Asked(ordinal=ordinal, step=wanted, images=matched, claim=claim, why_not=why_not_ask)
            step = _kept(take(asked, services, reading), claim, services)
        if step is not None:
            add(step, wanted, claim.manifest.instances, reading, namespace=namespace)
            done.append(step)
    return reading.report(language=services.settings.site.language), tuple(done)


def _kept(step: Step | None, claim: Claim, services: Services) -> Step | None:
    """Keep a step's answers before anything is made of them. Raises LostLease."""
    if step is not None and not services.ledger.keep_step(claim.job.job_id, step):
        raise LostLease(claim.job.job_id)
    return step


def _matched(claim: Claim, rule: Rule, services: Services) -> list[StoredInstance]:
    """The manifest's instances in the series that the rule takes, in their order; none if it takes none."""
    study = services.ledger.study(claim.job.study_instance_uid)
    if study is None:
        raise Unavailable("the study is not in the ledger")
    study = replace(study, instances=claim.manifest.instances, identity=claim.identity)
    since = (claim.complete_since or services.clock.now()).astimezone(services.clock.zone)
    series = study.series()
    return [stored for uid in match(rule, study, now=since).series for stored in series[uid]]


def _finish(
    claim: Claim, version: ConfigVersion, report: Report, steps: tuple[Step, ...], services: Services
) -> Outcome:
    job, configuration = claim.job, version.configuration
    rule, protocol = configuration.rule(job.rule), configuration.protocol(job.protocol)
    digest = protocol.digest(
        models=tuple(algorithm.digest for algorithm in report.algorithms),
        prompts=tuple(step.prompt_digest for step in steps),
        rule_version=job.config_version,
    )
    nodes = _destinations(rule, configuration, report)
    encoding = Encoding(claim, protocol, digest, services, label_maps(steps, protocol), earlier_images(steps, protocol))
    results = encode(encoding, report, rule.outputs, nodes)
    report = results.report
    provenance = _provenance(claim, report, protocol, digest, steps, services) | {"refused": results.refused}
    finished = services.ledger.finish_job(
        job,
        outcome=report.outcome,
        reason=results.reason,
        report=report_json(report),
        provenance=json.dumps(provenance, sort_keys=True),
        objects=results.objects,
        destinations=tuple(node.name for node in nodes),
        now=services.clock.now(),
    )
    if not finished:
        raise LostLease(job.job_id)
    return report.outcome


def _destinations(rule: Rule, configuration: Configuration, report: Report) -> tuple[DestinationNode, ...]:
    if rule.mode is not Mode.LIVE:
        return ()
    nodes = [configuration.destination(name) for name in rule.destinations]
    return tuple(node for node in nodes if node.not_analysed or not report.outcome.unread)


def _provenance(
    claim: Claim, report: Report, protocol: Protocol, digest: str, steps: tuple[Step, ...], services: Services
) -> dict[str, object]:
    """Invariant 13: what it takes to reconstruct this case."""
    return {
        "rule": claim.job.rule,
        "config_version": claim.job.config_version,
        "protocol": protocol.name,
        "protocol_digest": digest,
        "manifest_version": claim.manifest.version,
        "manifest_digest": claim.manifest.digest,
        "identity_version": claim.job.identity_version,
        "run_number": claim.job.run_number,
        "algorithms": [
            {
                "name": a.name,
                "version": a.version,
                "digest": a.digest,
                "device_uid": a.device_uid,
                "demo": a.demo,
                "adapter": a.adapter,
                "adapter_digest": a.adapter_digest,
            }
            for a in report.algorithms
        ],
        "context": [list(step.context) for step in protocol.steps],
        "prompts": [step.prompt_digest for step in steps],
        "engine": services.models.state().engine,
        "settings": {"max_answer_s": services.settings.models.timeout_s, "site": services.settings.site.name},
    }
