"""Encode: one report to the objects that its rule asks for, durable in the spool before they are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version as installed_version

from pydicom.uid import UID

from dicom_nodes.objects import encoders, shown_by
from dicom_nodes.objects.context import EncodingContext, Reference
from service.domain.protocol import Protocol
from service.domain.report import Report
from service.domain.uids import derive_uid
from service.ports.ledger import Claim, NewObject
from service.ports.services import Services
from service.ports.spool import StoredBytes
from workers.pipeline.album import Album

CHARACTER_SET = "utf-8"
"""Of everything that every destination gets; with the language it is the output profile."""
SERIES_NUMBERS = {
    "tid1500": 9200, "basic-text-sr": 9300, "encapsulated-pdf": 9400, "secondary-capture": 9500, "key-objects": 9600,
    "presentation-state": 9700, "coordinates-sr": 9800,
}  # fmt: skip
"""A block of Series Numbers above those of modalities."""


def encode(
    claim: Claim, report: Report, protocol: Protocol, digest: str, outputs: Sequence[str], services: Services
) -> tuple[NewObject, ...]:
    """Encode and keep every output that applies to this report.

    The SOP Instance UID follows from what is encoded (invariant 3), so a retry makes the same one.
    """
    made: list[NewObject] = []
    album = Album(claim.manifest.instances, services.pixels)
    for role in outputs:
        encoder = encoders()[role]
        if not encoder.applies(report):
            continue
        context = _context(claim, report, protocol, digest, role, services)
        context = replace(context, pictures=album.of(shown_by(encoder, report)))
        kept = _keep(encoder.encode(report, context), services)
        made.append(
            NewObject(
                role=role,
                sop_class_uid=UID(encoder.SOP_CLASS_UID),
                sop_instance_uid=context.sop_instance_uid,
                series_instance_uid=context.series_instance_uid,
                instance_number=context.instance_number,
                location=kept.location,
                sha256=kept.sha256,
                size=kept.size,
            )
        )
    return tuple(made)


def _context(
    claim: Claim, report: Report, protocol: Protocol, digest: str, role: str, services: Services
) -> EncodingContext:
    site, job, study = services.settings.site, claim.job, claim.job.study_instance_uid
    former = [before for before in claim.predecessors if before.role == role]
    sop_instance_uid = derive_uid(
        site.name,
        claim.manifest.version,
        claim.manifest.digest,
        job.rule,
        digest,
        job.identity_version,
        job.run_number,
        report.outcome,
        role,
        f"{CHARACTER_SET} {site.language}",
    )
    shown = {evidence.sop_instance_uid for evidence in report.images}
    return EncodingContext(
        identity=claim.identity,
        study_instance_uid=study,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=derive_uid(site.name, study, job.rule, protocol.name, role),
        series_number=SERIES_NUMBERS.get(role, 9000),
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
    )


def _keep(part10: bytes, services: Services) -> StoredBytes:
    with services.spool.incoming() as incoming:
        incoming.write(part10)
        return incoming.keep()
