"""Encode: one report to the objects that its rule and destinations ask for, durable before they are recorded.

Nothing leaves that our own structural check refuses (decision 0062).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed_version

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom.uid import UID

from dicom_nodes.objects import Encoder, encoders, masks_for, shown_by
from dicom_nodes.objects.context import EncodingContext, Reference
from dicom_nodes.objects.structure import complaints
from service.domain.node import DestinationNode
from service.domain.protocol import Protocol
from service.domain.report import Outcome, Report
from service.domain.uids import derive_uid
from service.ports.ledger import Claim, NewObject
from service.ports.services import Services
from service.ports.spool import StoredBytes
from workers.pipeline.album import Album
from workers.pipeline.order import TELLING, Form, Order, addressed, orders

SERIES_NUMBERS = {
    "tid1500": 9200, "basic-text-sr": 9300, "encapsulated-pdf": 9400, "secondary-capture": 9500, "key-objects": 9600,
    "presentation-state": 9700, "coordinates-sr": 9800, "segmentation": 9900,
}  # fmt: skip
"""A block of Series Numbers above those of modalities."""
OTHER_SERIES = 9000
"""Series Number of objects that a site added."""

log = structlog.get_logger("preread.encode")


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is encoded, for which claim."""

    claim: Claim
    protocol: Protocol
    digest: str
    services: Services
    masks: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Label maps (slices, rows, columns) that its steps kept, by digest."""


@dataclass(frozen=True, slots=True)
class Results:
    """A report as it goes out, and its objects."""

    report: Report
    objects: tuple[NewObject, ...]
    refused: Mapping[str, str]
    """What our own check said, by role: these objects were not written."""

    @property
    def reason(self) -> str:
        """What is missing of the reading or of its objects, in one sentence for a person."""
        unsaid = [
            f"{role} was not written: {why}" for role, why in self.refused.items() if why not in self.report.reason
        ]
        return "; ".join(filter(None, [self.report.reason, *unsaid]))


def encode(
    encoding: Encoding, report: Report, outputs: Sequence[str], nodes: Sequence[DestinationNode] = ()
) -> Results:
    """Encode and keep what applies to this report.

    Where no object that tells the reading passes the check, "not analysed" goes out instead, with the reason.
    """
    results = _encode(encoding, report, outputs, nodes)
    told = {made.role for made in results.objects}
    if results.refused and not told.intersection(TELLING) and set(results.refused).intersection(TELLING):
        instead = _encode(encoding, _unwritten(report, results.refused), outputs, nodes)
        return replace(instead, refused={**instead.refused, **results.refused})
    return results


def _unwritten(report: Report, refused: Mapping[str, str]) -> Report:
    """The report of a reading that cannot be told in a valid form."""
    reasons = "; ".join(dict.fromkeys(f"{role}: {why}" for role, why in refused.items()))
    return Report(
        outcome=Outcome.FAILED,
        algorithms=report.algorithms,
        procedure=report.procedure,
        images=report.images,
        reason=f"its report could not be written in a valid form ({reasons})",
        language=report.language,
    )


def _encode(encoding: Encoding, report: Report, outputs: Sequence[str], nodes: Sequence[DestinationNode]) -> Results:
    made: dict[Order, NewObject] = {}
    refused: dict[Order, str] = {}
    album = Album(encoding.claim.manifest.instances, encoding.services.pixels)
    for order in orders(outputs, nodes):
        encoder = encoders()[order.role]
        if not encoder.applies(report):
            continue
        context = _context(encoding, report, order)
        pictures, wanted = album.of(shown_by(encoder, report)), masks_for(encoder, report)
        masks = {sha256: encoding.masks[sha256] for sha256 in wanted if sha256 in encoding.masks}
        context = replace(context, pictures=pictures, masks=masks)
        part10, why_not = _checked(encoder, report, context)
        if why_not:
            log.error("object refused by our own check", job=encoding.claim.job.job_id, role=order.role, why=why_not)
            refused[order] = why_not
        else:
            made[order] = _object(encoder, context, _keep(part10, encoding.services))
    if nodes:
        whom = addressed(tuple(made), refused, outputs, nodes)
        for order, (sent_to, stands_in_at) in whom.items():
            made[order] = replace(made[order], destinations=sent_to, stands_in_at=stands_in_at)
    return Results(report, tuple(made.values()), {order.role: why for order, why in refused.items()})


def _checked(encoder: Encoder, report: Report, context: EncodingContext) -> tuple[bytes, str]:
    """The object's bytes, and why they may not leave; one of the two is empty."""
    try:
        part10 = encoder.encode(report, context)
    except ValueError as error:
        return b"", str(error)
    found = complaints(part10)
    return (b"", "; ".join(found[:3])) if found else (part10, "")


def _object(encoder: Encoder, context: EncodingContext, kept: StoredBytes) -> NewObject:
    return NewObject(
        role=encoder.ROLE,
        sop_class_uid=UID(encoder.SOP_CLASS_UID),
        sop_instance_uid=context.sop_instance_uid,
        series_instance_uid=context.series_instance_uid,
        instance_number=context.instance_number,
        location=kept.location,
        sha256=kept.sha256,
        size=kept.size,
    )


def _context(encoding: Encoding, report: Report, order: Order) -> EncodingContext:
    """Everything about one object that is not in the report.

    The SOP Instance UID follows from what is encoded (invariant 3), so a retry makes the same one.
    """
    claim, services = encoding.claim, encoding.services
    site, job, study = services.settings.site, claim.job, claim.job.study_instance_uid
    series_instance_uid = derive_uid(
        site.name, study, job.rule, encoding.protocol.name, order.role, *_variant(order.form)
    )
    former = [before for before in claim.predecessors if before.series_instance_uid == series_instance_uid]
    sop_instance_uid = derive_uid(
        site.name,
        claim.manifest.version,
        claim.manifest.digest,
        job.rule,
        encoding.digest,
        job.identity_version,
        job.run_number,
        report.outcome,
        order.role,
        f"utf-8 {site.language}",
        *_variant(order.form),
    )
    shown = {evidence.sop_instance_uid for evidence in report.images}
    shown |= {uid for finding in report.findings if finding.mask for uid in finding.mask.images}
    return EncodingContext(
        identity=claim.identity,
        study_instance_uid=study,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=series_instance_uid,
        series_number=_series_number(order),
        instance_number=1 + max((before.instance_number for before in former), default=0),
        created_at=services.clock.now().astimezone(services.clock.zone),
        instances=tuple(s.instance for s in claim.manifest.instances if s.instance.sop_instance_uid in shown),
        institution=site.institution,
        device_serial_number=site.device_serial,
        device_uid=services.settings.device_uid,
        software_version=installed_version("preread"),
        predecessors=tuple(
            Reference(before.sop_class_uid, before.sop_instance_uid, before.series_instance_uid, study)
            for before in former
        ),
        language=site.language,
        character_set=order.form.character_set,
    )


def _variant(form: Form) -> tuple[str, ...]:
    """What tells another form from the usual one, which was there before any other."""
    return () if form == Form() else (f"{form.character_set} {form.series_number}",)


def _series_number(order: Order) -> int:
    """In the destination's block as far from its beginning as in ours, in steps of one where ours are of a hundred."""
    usual = SERIES_NUMBERS.get(order.role, OTHER_SERIES)
    return order.form.series_number + (usual - OTHER_SERIES) // 100 if order.form.series_number else usual


def _keep(part10: bytes, services: Services) -> StoredBytes:
    with services.spool.incoming() as incoming:
        incoming.write(part10)
        return incoming.keep()
