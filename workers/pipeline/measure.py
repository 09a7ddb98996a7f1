"""Measure: one protocol step that asks no model, kept as a Step so that a retry measures nothing again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.uid import UID

from service.domain.algorithm import Algorithm
from service.domain.errors import Unreadable, Unsupported
from service.domain.job import Step
from service.domain.protocol import ProtocolStep
from service.domain.report import Evidence
from service.domain.sop import is_image
from service.domain.study import StoredInstance
from service.ports.clock import Clock
from service.ports.image_models import LabelMap
from service.ports.pixels import Pixels, Rescaled
from workers.algorithms.base import Draft
from workers.measures import algorithm
from workers.measures.base import MeasureModule, Numbers, Series
from workers.pipeline.interpret import Missing, Reading

MAX_SERIES = 16
"""Series that one step measures; a study with more says so in its report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The numbers of one series, or why there are none."""

    images: tuple[str, ...]
    """SOP Instance UIDs."""
    numbers: Numbers | None
    error: str = ""
    unread: tuple[str, ...] = ()
    """Why single images of it could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptNumbers:
    """What one step measured. Whoever reads it later names this algorithm, not a newer one."""

    algorithm: Algorithm
    left_out: tuple[str, ...]
    series: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurable:
    """The series that a step measures, and why others are not."""

    series: tuple[tuple[StoredInstance, ...], ...]
    left_out: tuple[str, ...]


def measurable(instances: Sequence[StoredInstance], module: MeasureModule) -> Measurable:
    """The series of `instances` that the measure accepts, at most MAX_SERIES. Localizers planned the others."""
    found: dict[UID, list[StoredInstance]] = {}
    left_out: list[str] = []
    for stored in [each for each in instances if not each.instance.localizer] or instances:
        instance = stored.instance
        reason = None if is_image(instance.sop_class_uid) else f"{instance.sop_class_uid.name} is not an image"
        if reason := reason or module.accepts(instance):
            left_out.append(reason)
        else:
            found.setdefault(instance.series_instance_uid, []).append(stored)
    if len(found) > MAX_SERIES:
        left_out.append(f"only {MAX_SERIES} series of a study are measured")
    series = tuple(tuple(members) for members in list(found.values())[:MAX_SERIES])
    return Measurable(series=series, left_out=tuple(dict.fromkeys(left_out)))


def measure(
    ordinal: int,
    step: ProtocolStep,
    module: MeasureModule,
    chosen: Measurable,
    *,
    attempt: int,
    pixels: Pixels,
    clock: Clock,
) -> Step:
    """Measure every series that was chosen. Raises Unavailable when the spool is away: the step is tried again."""
    started, begun = clock.now(), time.monotonic()
    who = algorithm(module)
    measured = tuple(_measured(module, series, pixels) for series in chosen.series)
    return Step(
        ordinal=ordinal,
        kind=step.kind,
        algorithm=step.algorithm,
        answer=_dump(KeptNumbers(algorithm=who, left_out=chosen.left_out, series=measured)),
        error="" if any(one.numbers is not None for one in measured) else measured[0].error,
        model_digest=who.digest,
        prompt_digest="",
        attempt=attempt,
        started_at=started,
        took_s=time.monotonic() - begun,
    )


def add_numbers(
    reading: Reading, module: MeasureModule, step: Step, instances: Sequence[StoredInstance], *, namespace: str
) -> None:
    """Add what a kept step measured to `reading`."""
    kept = _load(step.answer)
    known = {str(stored.instance.sop_instance_uid): Evidence.of(stored.instance) for stored in instances}
    missing = [Missing(reason, final=True) for reason in kept.left_out]
    looked_at: list[Evidence] = []
    drafts: list[Draft] = []
    for number, one in enumerate(kept.series, 1):
        missing += [Missing(reason, final=True) for reason in one.unread]
        if one.numbers is None:
            missing.append(Missing(f"{kept.algorithm.name}: {one.error}", final=True))
            continue
        series = Series(images=tuple(known[uid] for uid in one.images), number=number, of=len(kept.series))
        drafts.append(module.draft(one.numbers, series, namespace=namespace))
        looked_at += series.images
    reading.add_findings(
        kept.algorithm,
        looked_at=looked_at,
        findings=[finding for draft in drafts for finding in draft.findings],
        sentences=[sentence for draft in drafts for sentence in draft.sentences],
        missing=missing,
    )


def masks_measured(text: str) -> Iterator[LabelMap]:
    """Every label map that a kept step's measure marked."""
    found = [one.numbers.get("mask") for one in _load(text).series if one.numbers]
    return (LabelMap.from_plain(told["map"]) for told in found if told)


def _measured(module: MeasureModule, series: Sequence[StoredInstance], pixels: Pixels) -> Measured:
    frames = _Frames(series, pixels)
    uids = tuple(str(stored.instance.sop_instance_uid) for stored in series)
    try:
        numbers: Numbers | None = module.measure(frames)
        error = ""
    except Unsupported as refused:
        numbers, error = None, str(refused)
    return Measured(images=uids, numbers=numbers, error=error, unread=tuple(dict.fromkeys(frames.unread)))


class _Frames:
    """The frames of a series, one decoded at a time; those that cannot be are named afterwards."""

    def __init__(self, series: Sequence[StoredInstance], pixels: Pixels) -> None:
        self._series = series
        self._pixels = pixels
        self.unread: list[str] = []

    def __iter__(self) -> Iterator[Rescaled]:
        for stored in self._series:
            try:
                yield self._pixels.rescaled(stored)
            except (Unreadable, Unsupported) as error:
                self.unread.append(str(error))


def _dump(kept: KeptNumbers) -> str:
    return json.dumps(asdict(kept))


def _load(text: str) -> KeptNumbers:
    data: dict[str, Any] = json.loads(text)
    told = data["algorithm"]
    return KeptNumbers(
        algorithm=Algorithm(**{**told, "device_uid": UID(told["device_uid"])}),
        left_out=tuple(data["left_out"]),
        series=tuple(
            Measured(**{**row, "images": tuple(row["images"]), "unread": tuple(row["unread"])})
            for row in data["series"]
        ),
    )
