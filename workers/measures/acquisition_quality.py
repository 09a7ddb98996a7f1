"""Acquisition quality of any series, in words: what it is made of, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

from service.domain import code
from service.domain.errors import Unsupported
from service.domain.report import Finding, Measurement, Section, Sentence
from service.domain.study import Instance
from service.domain.uids import derive_uid
from service.ports.pixels import Rescaled
from workers.algorithms.base import Draft
from workers.measures.acquisition import acquisition, look
from workers.measures.base import Numbers, Series

ALGORITHM = "acquisition-quality"


def accepts(instance: Instance) -> str | None:
    return "it has several frames; series of single images are judged" if instance.frames != 1 else None


def measure(frames: Iterable[Rescaled]) -> Numbers:
    looks = [look(frame) for frame in frames]
    if not looks:
        raise Unsupported("no image of the series can be decoded")
    found = acquisition(looks)
    return {
        "images": found.images,
        "spacing_between_mm": found.spacing_between_mm and round(found.spacing_between_mm, 2),
        "thickness_mm": found.thickness_mm,
        "remarks": [{"fault": each.fault, "text": each.text, "images": each.images} for each in found.remarks],
    }


def draft(numbers: Numbers, series: Series, *, namespace: str) -> Draft:
    """One finding on the whole series, and one for each remark on the images that show it."""
    whole = _finding("acquisition", series, namespace, present=bool(numbers["remarks"]), measurements=_sizes(numbers))
    findings = [whole]
    sentences = [
        Sentence(section=Section.FINDINGS, text=_summary(numbers, whole, series), findings=(whole.tracking_id,))
    ]
    for place, remark in enumerate(numbers["remarks"], 1):
        name = f"acquisition-{place}-{remark['fault'].replace(' ', '-')}"
        one = _finding(name, series, namespace, present=True, sources=remark["images"])
        findings.append(one)
        text = series.where + remark["text"]
        sentences.append(Sentence(section=Section.FINDINGS, text=text, findings=(one.tracking_id,)))
    return Draft(findings=tuple(findings), sentences=tuple(sentences))


def _summary(numbers: Numbers, whole: Finding, series: Series) -> str:
    sizes = [f"{_NAMES[each.concept.value]} {each.text}" for each in whole.measurements]
    count = numbers["images"]
    said = ", ".join([f"{count} image{'s' if count != 1 else ''}", *sizes])
    remarks = len(numbers["remarks"])
    found = f"{remarks} remark{'s' if remarks != 1 else ''}" if remarks else "nothing to remark"
    return f"{series.where}Acquisition: {said}; {found}."


_NAMES = {code.SLICE_SPACING.value: "spacing", code.SLICE_THICKNESS.value: "thickness"}


def _sizes(numbers: Numbers) -> tuple[Measurement, ...]:
    sizes = ((code.SLICE_SPACING, numbers["spacing_between_mm"]), (code.SLICE_THICKNESS, numbers["thickness_mm"]))
    return tuple(
        Measurement(concept=concept, value=value, unit=code.MILLIMETER) for concept, value in sizes if value is not None
    )


def _finding(
    name: str,
    series: Series,
    namespace: str,
    *,
    present: bool,
    measurements: tuple[Measurement, ...] = (),
    sources: tuple[str, ...] = (),
) -> Finding:
    tracking = f"{name}-{series.number}" if series.of > 1 else name
    return Finding(
        tracking_id=tracking,
        tracking_uid=derive_uid(namespace, tracking),
        concept=code.QUALITY_FINDING,
        present=present,
        measurements=measurements,
        evidence=series.showing(sources),
    )
