"""The sentences that a document adds to those of the model: what was read, by what, and what was looked for.

English, whatever the model's language: they are built from code meanings, which are never translated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydicom.uid import UID

from dicom_nodes.objects import concepts
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import known_instances
from service.domain.algorithm import Algorithm
from service.domain.code import UNPAIRED, Code
from service.domain.report import Evidence, Finding, Report
from service.domain.study import Instance

DIGEST_SHOWN = 12
"""Hexadecimal digits of a digest that a reader is shown; the whole stands in Algorithm Parameters."""


def language(report: Report, context: EncodingContext) -> Code:
    """Value of TID 1204: an RFC 5646 tag (CID 5000)."""
    tag = report.language or context.language or "en"
    return Code(tag, "RFC5646", concepts.LANGUAGES.get(tag.split("-")[0].lower(), tag))


def images_read(report: Report, context: EncodingContext) -> str:
    """How many images were looked at, and which: "Images read: 2 (DX CHEST PA, DX CHEST LL).\""""
    seen = {image.sop_instance_uid: image for image in report.images}
    if not seen:
        return "Images read: none."
    known = known_instances(context)
    kinds = Counter(_kind(image, known.get(uid)) for uid, image in seen.items())
    listed = ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in kinds.items())
    return f"Images read: {len(seen)} ({listed})."


def looked_for(absent: Iterable[Finding]) -> str:
    """What was looked for and not found, each once."""
    return f"Looked for and not found: {', '.join(dict.fromkeys(map(named, absent)))}."


def unsaid(finding: Finding) -> str:
    """A present finding that no sentence states, in words, so that leaving it out never looks negative."""
    details = [
        *([f"severity {finding.severity.meaning.lower()}"] if finding.severity else []),
        *(f"{measurement.name} {measurement.text}" for measurement in finding.measurements),
        *([] if finding.probability is None else [f"certainty {certainty(finding.probability, True):g} %"]),
    ]
    return f"{named(finding)}{': ' if details else ''}{', '.join(details)}."


def note(text: str) -> str:
    """What a reader must know of the reading, as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def read_by(algorithms: Iterable[Algorithm], context: EncodingContext) -> str:
    """Provenance: model, version, short digest, and the version of preread."""
    models = ", ".join(f"{a.name} {a.version} (sha256 {a.digest[:DIGEST_SHOWN]})" for a in algorithms)
    return f"Read by {models or 'no model'}; written by preread {context.software_version}".rstrip() + "."


def replaced(context: EncodingContext) -> str:
    """Which documents this one supersedes; empty if none."""
    uids = ", ".join(str(reference[1]) for reference in context.predecessors)
    return f"Replaces the AI draft {uids}." if uids else ""


def certainty(probability: float, present: bool) -> float:
    """Percent, one decimal: how certain it is what is stated, presence or absence; not always of presence."""
    return round(100 * (probability if present else 1 - probability), 1)


def _kind(image: Evidence, instance: Instance | None) -> str:
    if instance is None:
        return UID(image.sop_class_uid).name
    return " ".join(word for word in (instance.modality, instance.body_part, instance.view) if word) or "image"


def named(finding: Finding) -> str:
    """A finding with its side, depth and site: "Nodule (right lung)"."""
    place = [code.meaning.lower() for code in (finding.laterality, finding.topography, finding.site) if code]
    apart = ", " if finding.site in UNPAIRED else " "
    return f"{finding.concept.meaning} ({apart.join(place)})" if place else finding.concept.meaning
