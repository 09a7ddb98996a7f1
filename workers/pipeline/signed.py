"""Signed: the document of a report that a person signed; encoded from what was kept, no model is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed_version

from pydicom.uid import UID

from dicom_nodes.objects.context import EncodingContext, Reference
from dicom_nodes.objects.signed_report import SOP_CLASS_UID, encode
from dicom_nodes.objects.structure import complaints
from service.domain.config import Configuration
from service.domain.errors import Refused
from service.domain.node import DestinationNode
from service.domain.report import Outcome, Report
from service.domain.review import SIGNED_ROLE, Signed
from service.domain.rule import Mode, Rule
from service.domain.sop import is_document
from service.domain.uids import derive_uid
from service.flow.record import read_report
from service.ports.ledger import Claim, NewObject
from service.ports.services import Services
from workers.pipeline.order import Form

SERIES_NUMBER = 9100
TEXT = "basic-text-sr"
"""Whoever takes a draft in this form takes the signed report, too."""


class LostLease(Exception):
    """Another worker holds the job now; what this one has is thrown away."""


def encode_signed(claim: Claim, signed: Signed, services: Services) -> Outcome:
    """Encode, record and owe the signed report of `claim`; returns what became of the reading that was signed.

    Raises LostLease, and Refused for a document that our own check finds wrong.
    """
    job, configuration = claim.job, services.configurations.version(claim.job.config_version).configuration
    draft = services.catalogue.job(job.origin or "")
    report = read_report(draft.report) if draft else None
    if draft is None or report is None:
        raise Refused("the draft that was signed has no report any more")
    addressed = _addressed(configuration.rule(job.rule), configuration)
    objects = [_object(claim, signed, report, form, names, services) for form, names in addressed.items()]
    finished = services.ledger.finish_job(
        job,
        outcome=report.outcome,
        reason=report.reason,
        report=draft.report,
        provenance=json.dumps(_provenance(draft.provenance, signed), sort_keys=True),
        objects=objects,
        destinations=tuple(name for names in addressed.values() for name in names),
        now=services.clock.now(),
    )
    if not finished:
        raise LostLease(job.job_id)
    return report.outcome


def _addressed(rule: Rule, configuration: Configuration) -> Mapping[Form, Sequence[str]]:
    """Destinations that take a text report, by the form they take it in; if there is none, one form for nobody."""
    found: dict[Form, list[str]] = {}
    nodes = [configuration.destination(name) for name in rule.destinations] if rule.mode is Mode.LIVE else []
    for node in nodes:
        if _takes_text(node, rule):
            found.setdefault(Form(node.profile.character_set, node.profile.series_number), []).append(node.name)
    return found or {Form(): []}


def _takes_text(node: DestinationNode, rule: Rule) -> bool:
    return TEXT in (*node.profile.wanted(rule.outputs), *node.profile.stand_ins(rule.outputs))


def _object(
    claim: Claim, signed: Signed, report: Report, form: Form, names: Sequence[str], services: Services
) -> NewObject:
    context = _context(claim, signed, report, form, services)
    part10 = encode(signed, report, context)
    if wrong := complaints(part10, signed=True):
        raise Refused(f"the signed report could not be written in a valid form: {'; '.join(wrong[:3])}")
    with services.spool.incoming() as incoming:
        incoming.write(part10)
        kept = incoming.keep()
    return NewObject(
        role=SIGNED_ROLE,
        sop_class_uid=UID(SOP_CLASS_UID),
        sop_instance_uid=context.sop_instance_uid,
        series_instance_uid=context.series_instance_uid,
        instance_number=context.instance_number,
        location=kept.location,
        sha256=kept.sha256,
        size=kept.size,
        destinations=frozenset(names),
    )


def _context(claim: Claim, signed: Signed, report: Report, form: Form, services: Services) -> EncodingContext:
    """Everything about the document that is not in it; its UID follows from what was signed (invariant 3).

    An addendum takes the place of the signed report as it was, a signature that of the drafts.
    """
    site, job, study = services.settings.site, claim.job, claim.job.study_instance_uid
    last, series = signed.last, _series(claim, signed, form, services)
    before = tuple(one for one in claim.predecessors if one.series_instance_uid == series)
    said = (last.number, last.at.isoformat(), last.observer.name, last.text)
    shown = {evidence.sop_instance_uid for evidence in report.images}
    return EncodingContext(
        identity=claim.identity,
        study_instance_uid=study,
        sop_instance_uid=derive_uid(series, job.identity_version, *said),
        series_instance_uid=series,
        series_number=form.series_number + 1 if form.series_number else SERIES_NUMBER,
        instance_number=1 + max((one.instance_number for one in before), default=0),
        created_at=services.clock.now().astimezone(services.clock.zone),
        instances=tuple(one.instance for one in claim.manifest.instances if one.instance.sop_instance_uid in shown),
        institution=site.institution,
        device_serial_number=site.device_serial,
        device_uid=services.settings.device_uid,
        software_version=installed_version("preread"),
        predecessors=tuple(
            Reference(one.sop_class_uid, one.sop_instance_uid, one.series_instance_uid, study)
            for one in before or claim.predecessors
            if is_document(one.sop_class_uid)
        ),
        language=site.language,
        character_set=form.character_set,
    )


def _series(claim: Claim, signed: Signed, form: Form, services: Services) -> UID:
    """One series for a signed report and its addenda, so that a viewer opens the newest; no draft stands in it."""
    variant = () if form == Form() else (f"{form.character_set} {form.series_number}",)
    of = (claim.job.study_instance_uid, claim.job.rule, signed.signature.job_id, SIGNED_ROLE, *variant)
    return derive_uid(services.settings.site.name, *of)


def _provenance(draft: str, signed: Signed) -> Mapping[str, object]:
    """What the draft was made of, and who made what of it (invariant 13)."""
    said = (signed.signature, *signed.addenda)
    told = [{"verdict": one.verdict, "by": one.observer.name, "at": one.at.isoformat()} for one in said]
    return {**json.loads(draft or "{}"), "reviews": told}
