"""Look: one protocol step whose model reads images, kept as a Step so that a retry asks no model again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.algorithm import Card, Limits
from service.domain.errors import Misconfigured, Refused, Unclear, Unreadable, Unsupported
from service.domain.image_model import ImageModel
from service.domain.job import Step
from service.domain.protocol import ProtocolStep
from service.domain.report import Evidence, Finding
from service.domain.study import Identity, StoredInstance
from service.ports.clock import Clock
from service.ports.finish import Finish
from service.ports.image_models import ImageAnswer, ImageQuestion, reading_digest
from service.ports.models import Models
from service.ports.pixels import Pixels
from workers.algorithms import image_model
from workers.algorithms.image_model import MAX_SUBJECTS, Seen, Subject
from workers.pipeline.interpret import Missing, Reading
from workers.pipeline.kept_looks import KeptLooks, Look, dump_looks, load_looks
from workers.pipeline.select import evidence_of, outside


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What is looked at, and one sentence for each kind of image that is not."""

    subjects: tuple[tuple[StoredInstance, ...], ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a job asks: which attempt it is, how urgent, and how long it waits."""

    attempt: int
    priority: int
    timeout_s: float


def image_model_of(card: Card) -> ImageModel:
    """What the card says of a model that reads images. Raises Misconfigured for one that writes text."""
    if card.image is None:
        raise Misconfigured(f"{card.algorithm.name} is no image model: its card names no task")
    return card.image


def choose(instances: Sequence[StoredInstance], model: ImageModel, limits: Limits, identity: Identity) -> Chosen:
    """The images, or series, of `instances` that the model and its card accept, at most MAX_SUBJECTS."""
    accepted: list[StoredInstance] = []
    left_out: list[str] = []
    for stored in instances:
        reason = outside(stored, limits, identity) or image_model.accepts(stored.instance)
        if reason is None:
            accepted.append(stored)
        else:
            left_out.append(reason)
    found = image_model.subjects(accepted, model)
    if len(found) > MAX_SUBJECTS:
        left_out.append(f"only {MAX_SUBJECTS} {'series' if model.volume else 'images'} of a study are read")
    return Chosen(subjects=tuple(found[:MAX_SUBJECTS]), left_out=tuple(dict.fromkeys(left_out)))


def look(
    ordinal: int,
    step: ProtocolStep,
    card: Card,
    chosen: Chosen,
    asking: Asking,
    *,
    models: Models,
    pixels: Pixels,
    clock: Clock,
) -> Step:
    """Read, prepare and ask about everything that was chosen.

    Raises Unavailable when the model server or the spool is away: the whole step is tried again.
    """
    started, begun = clock.now(), time.monotonic()
    model = image_model_of(card)
    looks: list[Look] = []
    readings: set[str] = set()
    for images in chosen.subjects:
        try:
            frames = [pixels.read(stored, values=model.values) for stored in images]
            prepared = image_model.prepare(frames, model, name=step.model)
            question = replace(prepared, priority=asking.priority, timeout_s=asking.timeout_s)
            readings.add(reading_digest(question, model.classes_digest))
            looks.append(_looked(question, _answer(models, question, card)))
        except (Unreadable, Unsupported, Refused, Unclear) as error:
            uids = tuple(stored.instance.sop_instance_uid for stored in images)
            final = isinstance(error, (Unreadable, Unsupported))
            looks.append(Look(images=uids, answer=None, error=str(error), final=final))
    answered = any(one.answer for one in looks)
    kept = KeptLooks(algorithm=card.algorithm, model=model, left_out=chosen.left_out, looks=tuple(looks))
    return Step(
        ordinal=ordinal,
        kind=step.kind,
        algorithm=step.algorithm,
        answer=dump_looks(kept),
        error="" if answered else looks[0].error,
        model_digest=card.algorithm.digest if answered else "",
        prompt_digest=" ".join(sorted(readings)),
        attempt=asking.attempt,
        started_at=started,
        took_s=time.monotonic() - begun,
    )


def add_looks(reading: Reading, step: Step, instances: Sequence[StoredInstance], *, namespace: str) -> None:
    """Add what a kept step says to `reading`, with the classes and thresholds that it was asked with."""
    kept = load_looks(step.answer)
    known = {str(stored.instance.sop_instance_uid): evidence_of(stored) for stored in instances}
    findings: list[Finding] = []
    looked_at: list[Evidence] = []
    missing = [Missing(reason, final=True) for reason in kept.left_out]
    for number, one in enumerate(kept.looks, 1):
        images = tuple(known[uid] for uid in one.images)
        seen = _seen(one, images, number, kept.model, namespace)
        if isinstance(seen, Missing):
            missing.append(seen)
            continue
        findings += seen.findings
        looked_at += images
        missing += [Missing(reason, final=True) for reason in seen.unsaid]
    if looked_at and not findings:
        name = kept.algorithm.name
        missing.append(Missing(f"{name} found nothing, and its card does not say that this means absence", final=True))
    reading.add_findings(kept.algorithm, looked_at=looked_at, findings=findings, missing=missing)


def _looked(question: ImageQuestion, answer: ImageAnswer) -> Look:
    return Look(
        images=question.sources,
        answer=answer,
        spacing_mm=question.spacing_mm,
        slice_spacing_mm=question.slice_spacing_mm,
    )


def _answer(models: Models, question: ImageQuestion, card: Card) -> ImageAnswer:
    """The model's answer, if it is the model that the card describes, with the thresholds that stand there now."""
    answer = models.look(question)
    if answer.digest != card.algorithm.digest:
        raise Refused(
            f"the served {question.model} is not the model of its card (digest {answer.digest[:12]}, "
            f"card {card.algorithm.digest[:12]}): load the one that was verified"
        )
    if answer.classes_digest != image_model_of(card).classes_digest:
        raise Refused(f"the served {question.model} was loaded before its card's classes were changed: load it again")
    return answer


def _seen(one: Look, images: tuple[Evidence, ...], number: int, model: ImageModel, namespace: str) -> Seen | Missing:
    answer = one.answer
    if answer is None:
        return Missing(one.error, one.final)
    if answer.finish is Finish.OUTSIDE_DOMAIN:
        score, threshold = answer.domain_score or 0.0, answer.domain_threshold or 0.0
        told = f"the image is not of the kind the model was made for (score {score:.2f}, needs {threshold:.2f})"
        return Missing(told, final=True)
    if answer.finish is not Finish.STOP:
        return Missing(f"the model did not finish its answer ({answer.finish})", final=False)
    subject = Subject(images=images, spacing_mm=one.spacing_mm, slice_spacing_mm=one.slice_spacing_mm, number=number)
    try:
        return image_model.interpret(answer, subject, model, namespace=namespace)
    except Unclear as error:
        return Missing(str(error), final=False)
