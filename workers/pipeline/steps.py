"""One protocol step: which images it is about, who answers, and what its kept answer adds to the reading.

Three kinds of who: a model that writes (ask), a model that reads images (look), and a measure, which asks no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain.algorithm import Algorithm
from service.domain.errors import Misconfigured
from service.domain.job import Step
from service.domain.protocol import Protocol, ProtocolStep, StepKind
from service.domain.study import StoredInstance
from service.ports.image_models import LabelMap
from service.ports.ledger import Claim
from service.ports.services import Services
from workers.algorithms import algorithms, model_of
from workers.algorithms.base import AlgorithmModule
from workers.measures import algorithm, measures
from workers.pipeline.ask import ask
from workers.pipeline.compare import add_changes, compare
from workers.pipeline.interpret import Reading
from workers.pipeline.kept import load
from workers.pipeline.kept_looks import masks_seen
from workers.pipeline.look import Asking, add_looks, choose, image_model_of, look
from workers.pipeline.measure import add_numbers, masks_measured, measurable, measure
from workers.pipeline.select import again, select


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is asked for: one step of a protocol, on these images, for this claim."""

    ordinal: int
    """The step's place in its protocol, from 1."""
    step: ProtocolStep
    images: Sequence[StoredInstance]
    claim: Claim
    why_not: str
    """Why nobody is asked any more; empty while somebody is."""


def take(asked: Asked, services: Services, reading: Reading) -> Step | None:
    """Have the step done; None, and named in `reading`, where nothing of it can be or nobody is asked any more.

    Raises Unavailable or Misconfigured where waiting may help.
    """
    if asked.step.kind is StepKind.COMPARE:
        why_not = asked.why_not or _stopped(asked.step, services)
        module = _module(asked.step)
        return compare(asked.ordinal, asked.step, module, asked.images, asked.claim, services, why_not=why_not)
    if asked.step.algorithm in measures():
        return _measure(asked, services, reading)
    return _look(asked, services, reading) if asked.step.model else _ask(asked, services, reading)


def add(
    step: Step, wanted: ProtocolStep, instances: Sequence[StoredInstance], reading: Reading, *, namespace: str
) -> None:
    """Add what a kept step says to `reading`."""
    if wanted.kind is StepKind.COMPARE:
        add_changes(reading, _module(wanted), step, namespace=namespace)
    elif measured := measures().get(wanted.algorithm):
        add_numbers(reading, measured, step, instances, namespace=namespace)
    elif wanted.model:
        add_looks(reading, step, instances, namespace=namespace)
    else:
        answers = load(step.answer)
        selection = again(instances, [one.image for one in answers.asked], answers.left_out, answers.notes)
        reading.add(_module(wanted), selection, answers)


def label_maps(steps: Iterable[Step], protocol: Protocol) -> Mapping[str, NDArray[np.uint8]]:
    """Every label map that `steps` of `protocol` kept, (slices, rows, columns), by the digest that masks refer to."""
    maps = [each for step in steps for each in _masks(step, protocol.steps[step.ordinal - 1])]
    return {each.sha256: each.labels for each in maps}


def _masks(step: Step, wanted: ProtocolStep) -> Iterable[LabelMap]:
    if wanted.algorithm in measures():
        return masks_measured(step.answer)
    return masks_seen(step.answer) if wanted.model else ()


def _ask(asked: Asked, services: Services, reading: Reading) -> Step | None:
    module = _module(asked.step)
    card = services.models.card(module.MODEL)
    selection = select(asked.images, module, card.limits, asked.claim.identity)
    why_not = asked.why_not or _stopped(asked.step, services)
    if _nothing(reading, card.algorithm, selection.images, selection.left_out, why_not):
        return None
    return ask(
        asked.ordinal,
        asked.step,
        module,
        card,
        selection,
        asked.claim.identity,
        attempt=asked.claim.job.attempt,
        priority=int(asked.claim.job.priority),
        timeout_s=services.settings.models.timeout_s,
        models=services.models,
        pixels=services.pixels,
        clock=services.clock,
        measured=reading.findings,
    )


def _look(asked: Asked, services: Services, reading: Reading) -> Step | None:
    card = services.models.card(asked.step.model)
    chosen = choose(asked.images, image_model_of(card), card.limits, asked.claim.identity)
    why_not = asked.why_not or _stopped(asked.step, services)
    if _nothing(reading, card.algorithm, chosen.subjects, chosen.left_out, why_not):
        return None
    asking = Asking(
        attempt=asked.claim.job.attempt,
        priority=int(asked.claim.job.priority),
        timeout_s=services.settings.models.timeout_s,
    )
    return look(
        asked.ordinal,
        asked.step,
        card,
        chosen,
        asking,
        models=services.models,
        pixels=services.pixels,
        clock=services.clock,
    )


def _measure(asked: Asked, services: Services, reading: Reading) -> Step | None:
    module = measures()[asked.step.algorithm]
    chosen = measurable(asked.images, module)
    if _nothing(reading, algorithm(module), chosen.series, chosen.left_out, asked.why_not):
        return None
    return measure(
        asked.ordinal,
        asked.step,
        module,
        chosen,
        attempt=asked.claim.job.attempt,
        pixels=services.pixels,
        clock=services.clock,
    )


def _stopped(step: ProtocolStep, services: Services) -> str:
    """Why the step's model, which was stopped, is not asked; empty for any other."""
    stop = services.configurations.active().configuration.stop_of(model_of(step))
    return stop.words if stop else ""


def _nothing(reading: Reading, who: Algorithm, chosen: Sequence[object], left_out: Sequence[str], why_not: str) -> bool:
    """Whether there is nothing to do, which `reading` is then told."""
    if chosen and not why_not:
        return False
    reason = why_not if chosen else "; ".join(left_out) or f"no image for {who.name}"
    reading.missing(reason, who, final=not chosen)
    return True


def _module(wanted: ProtocolStep) -> AlgorithmModule:
    try:
        return algorithms()[wanted.algorithm]
    except KeyError as error:
        raise Misconfigured(f"algorithm {wanted.algorithm} is not installed; install it or change the rule") from error
