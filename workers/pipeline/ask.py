"""Ask: one protocol step on its images, kept as a Step so that a retry asks no model again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from service.domain.algorithm import Algorithm, Card
from service.domain.context import context_line
from service.domain.errors import Refused, Unclear, Unreadable, Unsupported
from service.domain.job import Step
from service.domain.protocol import ProtocolStep
from service.domain.report import Finding
from service.domain.study import Identity
from service.ports.clock import Clock
from service.ports.models import Answer, ImagePart, Models, Question
from service.ports.pixels import Pixels
from workers.algorithms.base import AlgorithmModule
from workers.pipeline.kept import Asked, Kept, dump
from workers.pipeline.select import Selection


def ask(
    ordinal: int,
    step: ProtocolStep,
    module: AlgorithmModule,
    card: Card,
    selection: Selection,
    identity: Identity,
    *,
    attempt: int,
    priority: int,
    timeout_s: float,
    models: Models,
    pixels: Pixels,
    clock: Clock,
    measured: Sequence[Finding] = (),
) -> Step:
    """Read, prepare and ask for every selected image; `measured` is what earlier steps found, for its context.

    Raises Unavailable when the model server or the spool is away: the whole step is tried again.
    """
    started, begun = clock.now(), time.monotonic()
    asked: list[Asked] = []
    prompts: set[str] = set()
    for stored, looked in selection.images:
        uid = stored.instance.sop_instance_uid
        try:
            prepared = module.prepare(pixels.read(stored), looked)
            told = with_context(prepared, context_line(step.context, stored.instance, identity, measured))
            question = replace(told, adapter=step.adapter or None, priority=priority, timeout_s=timeout_s)
            prompts.add(question.prompt_digest)
            asked.append(Asked(image=uid, answer=_answer(models, question, card)))
        except (Unreadable, Unsupported, Refused, Unclear) as error:
            asked.append(
                Asked(image=uid, answer=None, error=str(error), final=isinstance(error, (Unreadable, Unsupported)))
            )
    kept = Kept(
        algorithm=algorithm_of(card, step.adapter),
        left_out=selection.left_out,
        asked=tuple(asked),
        notes=selection.notes,
        calibration=card.calibration,
    )
    answered = any(one.answer for one in asked)
    return Step(
        ordinal=ordinal,
        kind=step.kind,
        algorithm=step.algorithm,
        answer=dump(kept),
        error="" if answered or not asked else asked[0].error,
        model_digest=card.algorithm.digest if answered else "",
        prompt_digest=" ".join(sorted(prompts)),
        attempt=attempt,
        started_at=started,
        took_s=time.monotonic() - begun,
    )


def with_context(question: Question, line: str) -> Question:
    """`question` with `line` after its images and before its words; as it is without one."""
    if not line:
        return question
    after = max((place for place, part in enumerate(question.parts, 1) if isinstance(part, ImagePart)), default=0)
    return replace(question, parts=(*question.parts[:after], line, *question.parts[after:]))


def algorithm_of(card: Card, adapter: str) -> Algorithm:
    """What reads: the card's model, or that with an adapter, if it has it."""
    one = card.adapters.get(adapter)
    return card.algorithm.adapted(adapter, one.digest) if one else card.algorithm


def _answer(models: Models, question: Question, card: Card) -> Answer:
    """The model's answer, if it is the model that the card describes (TID 4019 names what read the image)."""
    if question.adapter and question.adapter not in card.adapters:
        raise Refused(f"{question.model} has no adapter {question.adapter}: add it, or take it out of the protocol")
    answer = models.ask(question)
    if answer.digest != card.algorithm.digest:
        raise Refused(
            f"the served {question.model} is not the model of its card (digest {answer.digest[:12]}, "
            f"card {card.algorithm.digest[:12]}): load the one that was verified"
        )
    if question.adapter and answer.adapter_digest != card.adapters[question.adapter].digest:
        raise Refused(
            f"the served adapter {question.adapter} of {question.model} is not the one of its record (digest "
            f"{answer.adapter_digest[:12] or 'none'}): start the model server again"
        )
    return answer
