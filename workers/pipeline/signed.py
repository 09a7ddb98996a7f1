"""Signed: the documents of a report that a person signed; encoded from what was kept, no model is asked.

Its text, and each filled form that the signature names, as codes beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version

from pydicom.uid import UID

from dicom_nodes.objects import signed_form, signed_report
from dicom_nodes.objects.context import EncodingContext, Reference
from dicom_nodes.objects.structure import complaints
from service.domain.config import Configuration
from service.domain.errors import Refused
from service.domain.node import DestinationNode
from service.domain.report import Outcome, Report
from service.domain.review import FORM_ROLE, SIGNED_ROLE, Signed, is_signed_role
from service.domain.rule import Mode, Rule
from service.domain.sop import is_document
from service.domain.submitted import Submitted
from service.domain.uids import derive_uid
from service.flow.form import form_at
from service.flow.record import read_report
from service.ports.ledger import Claim, NewObject
from service.ports.services import Services
from workers.pipeline.order import Form

SERIES_NUMBER, FORM_SERIES_NUMBER = 9100, 9150
_IN_BLOCK, _FORM_IN_BLOCK = 1, 10
"""Where a destination has a block of Series Numbers of its own: how far from its beginning."""
TEXT = "basic-text-sr"
"""Whoever takes a draft in this form takes the signed report, too."""


class LostLease(Exception):
    """Another worker holds the job now; what this one has is thrown away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is encoded, for which claim."""

    claim: Claim
    signed: Signed
    report: Report
    """The draft that was signed."""
    services: Services


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One document to write: the text, or a form of it."""

    role: str
    how: Form
    names: tuple[str, ...]
    """Destinations that get it."""
    form: Submitted | None = None

    @property
    def series_number(self) -> int:
        usual, off = (FORM_SERIES_NUMBER, _FORM_IN_BLOCK) if self.form else (SERIES_NUMBER, _IN_BLOCK)
        return self.how.series_number + off if self.how.series_number else usual


def encode_signed(claim: Claim, signed: Signed, services: Services) -> Outcome:
    """Encode, record and owe the signed report of `claim`; returns what became of the reading that was signed.

    Raises LostLease, and Refused for a document that our own check finds wrong.
    """
    job, configuration = claim.job, services.configurations.version(claim.job.config_version).configuration
    draft = services.catalogue.job(job.origin or "")
    report = read_report(draft.report) if draft else None
    if draft is None or report is None:
        raise Refused("the draft that was signed has no report any more")
    case = Case(claim=claim, signed=signed, report=report, services=services)
    documents = list(_documents(case, configuration.rule(job.rule), configuration))
    finished = services.ledger.finish_job(
        job,
        outcome=report.outcome,
        reason=report.reason,
        report=draft.report,
        provenance=json.dumps(_provenance(draft.provenance, signed), sort_keys=True),
        objects=[_object(case, document) for document in documents],
        destinations=tuple(dict.fromkeys(name for document in documents for name in document.names)),
        now=services.clock.now(),
    )
    if not finished:
        raise LostLease(job.job_id)
    return report.outcome


def _documents(case: Case, rule: Rule, configuration: Configuration) -> Iterator[Document]:
    """The text for whoever takes a text; each form for whoever of those takes forms. What nobody takes is written once,
    for nobody."""
    nodes = [configuration.destination(name) for name in rule.destinations] if rule.mode is Mode.LIVE else []
    takers = [node for node in nodes if _takes_text(node, rule)]
    for how, names in _addressed(takers).items():
        yield Document(role=SIGNED_ROLE, how=how, names=names)
    history = case.services.edits.history(case.signed.signature.job_id) if case.signed.signature.forms else None
    for number in case.signed.signature.forms:
        form = form_at(history, number)
        if form is None:
            raise Refused(f"form {number} of the signed report is not in the edit log")
        for how, names in _addressed([node for node in takers if _takes_forms(node)]).items():
            yield Document(role=f"{FORM_ROLE}{form.name}", how=how, names=names, form=form)


def _addressed(nodes: Sequence[DestinationNode]) -> Mapping[Form, tuple[str, ...]]:
    """Destinations by the form they take it in; if there is none, one form for nobody."""
    found: dict[Form, tuple[str, ...]] = {}
    for node in nodes:
        how = Form(node.profile.character_set, node.profile.series_number)
        found[how] = (*found.get(how, ()), node.name)
    return found or {Form(): ()}


def _takes_text(node: DestinationNode, rule: Rule) -> bool:
    return TEXT in (*node.profile.wanted(rule.outputs), *node.profile.stand_ins(rule.outputs))


def _takes_forms(node: DestinationNode) -> bool:
    return node.profile.forms and node.profile.max_objects != 1


def _object(case: Case, document: Document) -> NewObject:
    context = _context(case, document)
    part10, sop_class_uid = _encoded(case, document, context)
    if wrong := complaints(part10, signed=True):
        what = f"the form {document.form.title} of the signed report" if document.form else "the signed report"
        raise Refused(f"{what} could not be written in a valid form: {'; '.join(wrong[:3])}")
    with case.services.spool.incoming() as incoming:
        incoming.write(part10)
        kept = incoming.keep()
    return NewObject(
        role=document.role,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=context.sop_instance_uid,
        series_instance_uid=context.series_instance_uid,
        instance_number=context.instance_number,
        location=kept.location,
        sha256=kept.sha256,
        size=kept.size,
        destinations=frozenset(document.names),
    )


def _encoded(case: Case, document: Document, context: EncodingContext) -> tuple[bytes, UID]:
    if document.form is None:
        return signed_report.encode(case.signed, case.report, context), UID(signed_report.SOP_CLASS_UID)
    return signed_form.encode(document.form, case.signed, case.report, context), UID(signed_form.SOP_CLASS_UID)


def _context(case: Case, document: Document) -> EncodingContext:
    """Everything about the document that is not in it; its UID follows from what was signed (invariant 3).

    An addendum takes the place of the signed report as it was, a signature that of the drafts; so does a form.
    """
    claim, services, last = case.claim, case.services, case.signed.last
    site, study, series = services.settings.site, claim.job.study_instance_uid, _series(case, document)
    before = tuple(one for one in claim.predecessors if one.series_instance_uid == series)
    others = tuple(one for one in claim.predecessors if one.role == document.role or not is_signed_role(one.role))
    said = (last.number, last.at.isoformat(), last.observer.name, last.text)
    shown = {evidence.sop_instance_uid for evidence in case.report.images}
    return EncodingContext(
        identity=claim.identity,
        study_instance_uid=study,
        sop_instance_uid=derive_uid(series, claim.job.identity_version, *said),
        series_instance_uid=series,
        series_number=document.series_number,
        instance_number=1 + max((one.instance_number for one in before), default=0),
        created_at=services.clock.now().astimezone(services.clock.zone),
        instances=tuple(one.instance for one in claim.manifest.instances if one.instance.sop_instance_uid in shown),
        institution=site.institution,
        device_serial_number=site.device_serial,
        device_uid=services.settings.device_uid,
        software_version=installed_version("preread"),
        predecessors=tuple(
            Reference(one.sop_class_uid, one.sop_instance_uid, one.series_instance_uid, study)
            for one in before or others
            if is_document(one.sop_class_uid)
        ),
        language=site.language,
        character_set=document.how.character_set,
    )


def _series(case: Case, document: Document) -> UID:
    """One series for each document of a signed report with what was added since, so that a viewer opens the newest; no
    draft stands in it."""
    how, job = document.how, case.claim.job
    variant = () if how == Form() else (f"{how.character_set} {how.series_number}",)
    of = (job.study_instance_uid, job.rule, case.signed.signature.job_id, document.role, *variant)
    return derive_uid(case.services.settings.site.name, *of)


def _provenance(draft: str, signed: Signed) -> Mapping[str, object]:
    """What the draft was made of, and who made what of it (invariant 13)."""
    said = (signed.signature, *signed.addenda)
    told = [
        {"verdict": one.verdict, "by": one.observer.name, "at": one.at.isoformat()}
        | ({"forms": list(one.forms)} if one.forms else {})
        for one in said
    ]
    return {**json.loads(draft or "{}"), "reviews": told}
