"""Second opinion: a study's report text held against its AI reading and its header; nothing is altered."""

from __future__ import annotations

from collections.abc import Iterator

from service.domain import code
from service.domain.code import Code
from service.domain.prose.side import Side
from service.domain.quality.case import Case, Seen
from service.domain.report import Finding, Report
from service.domain.study import Study

_NAMES = {
    code.CARDIOMEGALY: "cardiomegaly", code.PLEURAL_EFFUSION: "pleural effusion", code.PNEUMOTHORAX: "pneumothorax",
    code.NODULE: "nodule", code.CONSOLIDATION: "consolidation", code.RIB_FRACTURE: "fracture",
    code.EMPHYSEMA: "emphysema", code.CENTRAL_VENOUS_CATHETER: "central venous line",
    code.ENDOTRACHEAL_TUBE: "endotracheal tube",
}  # fmt: skip
"""Coded findings by the names that texts are read by; a finding of another code is not held against a text."""
_SIDES = {code.LEFT: Side.LEFT, code.RIGHT: Side.RIGHT}
_LENGTHS = frozenset((code.DISTANCE, code.DIAMETER))
_NO_PRIOR = "no earlier study"
"""How the note of a reading begins that looked for an earlier study and found none."""


def case_of(text: str, report: Report, study: Study | None) -> Case:
    """What is known beside `text`; whether there is a prior only where the reading looked for one."""
    header = dict(study.instances[0].instance.attributes) if study and study.instances else {}
    body_part = header.get("BodyPartExamined", "")
    return Case(
        text=text,
        seen=tuple(_seen(report)),
        sex=study.identity.patient.sex if study else "",
        modality=header.get("Modality", ""),
        body_part=body_part,
        laterality=_side_of(header.get("ImageLaterality", "") or header.get("Laterality", ""), body_part),
        prior=False if any(note.startswith(_NO_PRIOR) for note in report.notes) else None,
    )


def _seen(report: Report) -> Iterator[Seen]:
    for finding in report.findings:
        name = name_of(finding.concept, finding.site)
        if name:
            side = _SIDES.get(finding.laterality, Side.UNSAID) if finding.laterality else Side.UNSAID
            yield Seen(name=name, present=finding.present, side=side, sizes_mm=tuple(_sizes_mm(finding)))


def name_of(concept: Code, site: Code | None) -> str:
    """What `service.domain.prose` calls a coded finding; empty for one that texts are not read for."""
    if concept == code.ENLARGED and site == code.MEDIASTINUM:
        return "mediastinal widening"
    return _NAMES.get(concept, "")


def _sizes_mm(finding: Finding) -> Iterator[float]:
    for measured in finding.measurements:
        if measured.concept in _LENGTHS and _is_millimeter(measured.unit):
            yield measured.value


def _is_millimeter(unit: Code) -> bool:
    return unit == code.MILLIMETER


def _side_of(laterality: str, body_part: str) -> Side:
    """Of a paired part alone: the side beside a chest is that of a view."""
    if body_part.upper() in {"", "CHEST", "THORAX", "ABDOMEN", "HEAD"}:
        return Side.UNSAID
    return {"L": Side.LEFT, "R": Side.RIGHT}.get(laterality, Side.UNSAID)
