"""Any model that classifies, detects or segments: its card says what its classes mean. Pure.

A protocol's step names the model: `{ kind = "segment", algorithm = "image-model", model = "lungs" }`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.domain import code
from service.domain.errors import Unclear, Unsupported
from service.domain.geometry import volume
from service.domain.image_model import CodedClass, ImageModel, Task
from service.domain.protocol import ANY_MODEL
from service.domain.report import Evidence, Finding, Mask, Measurement, Region
from service.domain.study import Instance, StoredInstance
from service.domain.uids import derive_uid
from service.ports.image_models import ImageAnswer, ImageQuestion
from service.ports.pixels import Frame

ALGORITHM = ANY_MODEL
MAX_SUBJECTS = 8
"""Images (or series, for a model of volumes) that one step reads; a study with more says so in its report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What was looked at at once: one image, or the slices of one series in their order, and its place among them."""

    images: tuple[Evidence, ...]
    spacing_mm: tuple[float, float] | None
    slice_spacing_mm: float | None
    number: int
    """From 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one answer says, and what cannot be said."""

    findings: tuple[Finding, ...]
    unsaid: tuple[str, ...] = ()
    """One sentence each."""


def accepts(instance: Instance) -> str | None:
    """None if this image can be read, else why not, in words (the card's limits are checked besides)."""
    return "it has several frames; image models read single images" if instance.frames != 1 else None


def subjects(images: Iterable[StoredInstance], model: ImageModel) -> list[tuple[StoredInstance, ...]]:
    """What the model is asked about at once: each image, or all images of each series."""
    found: dict[str, list[StoredInstance]] = {}
    for stored in images:
        instance = stored.instance
        key = instance.series_instance_uid if model.volume else instance.sop_instance_uid
        found.setdefault(key, []).append(stored)
    return [tuple(members) for members in found.values()]


def prepare(frames: Sequence[Frame], model: ImageModel, *, name: str) -> ImageQuestion:
    """The question about one subject's frames, slices in the order in which they lie.

    Raises Unsupported for slices that make no volume.
    """
    spacing, ordered = None, list(frames)
    if model.volume:
        lie = volume([frame.plane for frame in frames])
        spacing, ordered = lie.mean_spacing_mm, [frames[index] for index in lie.order]
    shapes = {frame.pixels.shape for frame in ordered}
    spacings = {frame.spacing_mm for frame in ordered}
    if len(shapes) > 1 or len(spacings) > 1:
        raise Unsupported("the slices of the series differ in size or pixel spacing")
    return ImageQuestion(
        model=name,
        task=model.task,
        pixels=np.stack([frame.pixels for frame in ordered]),
        sources=tuple(frame.source for frame in ordered),
        spacing_mm=ordered[0].spacing_mm,
        slice_spacing_mm=spacing,
    )


def interpret(answer: ImageAnswer, subject: Subject, model: ImageModel, *, namespace: str) -> Seen:
    """Read an answer as findings; tracking UIDs derive from `namespace`.

    A class that was not found is an absent finding if the card states its absence, else nothing. Raises Unclear for a
    class that the card does not have.
    """
    if unknown := [name for name in answer.names if model.named(name) is None]:
        raise Unclear(f"the model names a class that its card does not have: {unknown[0]}")
    writer = _Writer(answer.model, subject, namespace)
    match model.task:
        case Task.CLASSIFICATION:
            return Seen(findings=tuple(_classified(answer, model, writer)))
        case Task.DETECTION:
            return Seen(findings=tuple(_detected(answer, model, writer)))
        case Task.SEGMENTATION:
            return _segmented(answer, model, writer)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes findings on one subject."""

    model: str
    subject: Subject
    namespace: str

    def finding(
        self,
        coded: CodedClass,
        *,
        present: bool,
        part: int | None = None,
        probability: float | None = None,
        evidence: tuple[Evidence, ...] | None = None,
        measurements: tuple[Measurement, ...] = (),
        mask: Mask | None = None,
    ) -> Finding:
        """`part` tells several findings of one class apart; without `evidence` it rests on the whole subject."""
        words = (self.model, coded.name.lower().replace(" ", "-"), str(self.subject.number))
        name = "-".join((*words, *([] if part is None else [str(part)])))
        return Finding(
            tracking_id=name,
            tracking_uid=derive_uid(self.namespace, name),
            concept=coded.concept,
            present=present,
            site=coded.site,
            laterality=coded.laterality,
            probability=probability,
            measurements=measurements,
            evidence=self.subject.images if evidence is None else evidence,
            mask=mask,
        )


def _classified(answer: ImageAnswer, model: ImageModel, writer: _Writer) -> Iterator[Finding]:
    given = dict(zip(answer.names, answer.probabilities, strict=True))
    for coded in model.classes:
        if coded.name not in given:
            raise Unclear(f"the model says nothing of {coded.name}")
        probability = given[coded.name]
        present = probability >= coded.threshold
        if present or coded.states_absence:
            yield writer.finding(coded, present=present, probability=probability)


def _detected(answer: ImageAnswer, model: ImageModel, writer: _Writer) -> Iterator[Finding]:
    """One finding for each box."""
    found = list(zip(answer.names, answer.probabilities, answer.boxes, strict=True))
    for coded in model.classes:
        boxes = [(probability, box) for name, probability, box in found if name == coded.name]
        for part, (probability, (left, top, right, bottom)) in enumerate(boxes, 1):
            region = Region(left=left, top=top, right=right, bottom=bottom)
            where = (_at(writer.subject.images[0], region),)
            yield writer.finding(coded, present=True, part=part, probability=probability, evidence=where)
        if not boxes and coded.states_absence:
            yield writer.finding(coded, present=False)


def _segmented(answer: ImageAnswer, model: ImageModel, writer: _Writer) -> Seen:
    """One finding for each class that has pixels, with its size and the box around it in each slice."""
    if answer.mask is None:
        raise Unclear("the model gave no mask")
    labels, sha256 = answer.mask.labels, answer.mask.sha256
    findings: list[Finding] = []
    unsaid: list[str] = []
    for label, name in enumerate(answer.names, 1):
        coded, here = model.named(name), labels == label
        assert coded is not None
        if not here.any():
            findings += [writer.finding(coded, present=False)] if coded.states_absence else []
            continue
        size = _size(int(here.sum()), writer.subject, model)
        if size is None:
            unsaid.append(f"the size of {name} is not stated: the image does not say how far its pixels lie apart")
        mask = Mask(
            sha256=sha256, label=label, rows=labels.shape[1], columns=labels.shape[2],
            images=tuple(image.sop_instance_uid for image in writer.subject.images),
        )  # fmt: skip
        where = tuple(_boxes(here, writer.subject))
        sizes = (size,) if size else ()
        findings.append(writer.finding(coded, present=True, evidence=where, measurements=sizes, mask=mask))
    return Seen(findings=tuple(findings), unsaid=tuple(unsaid))


def _size(pixels: int, subject: Subject, model: ImageModel) -> Measurement | None:
    """Area in mm2 of an image's pixels, volume in ml of a series' voxels; None where spacing is not known."""
    if subject.spacing_mm is None:
        return None
    area_mm2 = pixels * subject.spacing_mm[0] * subject.spacing_mm[1]
    if not model.volume:
        return Measurement(concept=code.AREA, value=round(area_mm2, 1), unit=code.SQUARE_MILLIMETER)
    if subject.slice_spacing_mm is None:
        return None
    volume_ml = area_mm2 * subject.slice_spacing_mm / 1000
    return Measurement(concept=code.VOLUME, value=round(volume_ml, 2), unit=code.MILLILITER)


def _boxes(here: NDArray[np.bool_], subject: Subject) -> Iterator[Evidence]:
    """The smallest box around the pixels in each slice that has some; first the slice that has most."""
    best = int(here.sum(axis=(1, 2)).argmax())
    order = [best, *(number for number in range(len(here)) if number != best)]
    for image, plane in ((subject.images[number], here[number]) for number in order):
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        if len(rows):
            region = Region(
                left=float(columns[0]), top=float(rows[0]), right=float(columns[-1] + 1), bottom=float(rows[-1] + 1)
            )
            yield _at(image, region)


def _at(image: Evidence, region: Region) -> Evidence:
    return replace(image, region=region)
