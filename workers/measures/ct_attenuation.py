"""Attenuation of the body on a CT series: HU statistics of everything that is not air."""

from __future__ import annotations

from collections.abc import Iterable

from service.domain import code
from service.domain.code import Code
from service.domain.errors import Unsupported
from service.domain.report import Finding, Measurement, Section, Sentence
from service.domain.study import Instance
from service.domain.uids import derive_uid
from service.ports.pixels import Rescaled
from workers.algorithms.base import Draft
from workers.measures.attenuation import BODY_ABOVE_HU, Histogram
from workers.measures.base import Numbers, Series

ALGORITHM = "ct-attenuation"
METHOD = f"all voxels above {BODY_ABOVE_HU} HU"
DERIVATIONS = {"mean": code.MEAN, "standard deviation": code.STANDARD_DEVIATION, "median": code.MEDIAN}


def accepts(instance: Instance) -> str | None:
    if instance.modality != "CT":
        return f"modality is {instance.modality or 'not stated'}; Hounsfield units are CT's"
    return "it has several frames; series of single images are measured" if instance.frames != 1 else None


def measure(frames: Iterable[Rescaled]) -> Numbers:
    counted = Histogram()
    for frame in frames:
        if frame.unit != "HU":
            raise Unsupported(f"its values are no Hounsfield units ({frame.unit or 'no unit'})")
        counted.add(frame.values)
    body = counted.body()
    if body is None:
        raise Unsupported("nothing on it is denser than air")
    return {
        "mean": round(body.mean_hu, 1),
        "standard deviation": round(body.deviation_hu, 1),
        "median": body.median_hu,
        "voxels": body.voxels,
    }


def draft(numbers: Numbers, series: Series, *, namespace: str) -> Draft:
    tracking = f"body-attenuation-{series.number}" if series.of > 1 else "body-attenuation"
    values = tuple(_hounsfield(float(numbers[name]), derivation) for name, derivation in DERIVATIONS.items())
    finding = Finding(
        tracking_id=tracking,
        tracking_uid=derive_uid(namespace, tracking),
        concept=code.BODY_ATTENUATION,
        present=True,
        measurements=values,
        evidence=series.ends,
    )
    said = ", ".join(f"{name} {value.text}" for name, value in zip(DERIVATIONS, values, strict=True))
    text = f"{series.where}Attenuation of the body: {said} ({METHOD})."
    return Draft(findings=(finding,), sentences=(Sentence(section=Section.FINDINGS, text=text, findings=(tracking,)),))


def _hounsfield(value: float, derivation: Code) -> Measurement:
    return Measurement(concept=code.ATTENUATION, value=value, unit=code.HOUNSFIELD_UNIT, derivation=derivation)
