"""Prompt: how the model that read a study is asked to go on with a person's words (C05), and about its images (C12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from service.domain.algorithm import Card
from service.domain.completion import Begun
from service.domain.context import context_line
from service.domain.errors import Unsupported
from service.domain.job import Job
from service.domain.protocol import ProtocolStep
from service.domain.question.asked import Asked
from service.domain.report import Report
from service.domain.study import Identity, StoredInstance
from service.ports.configurations import Configurations
from service.ports.models import Models
from service.ports.pixels import Pixels
from service.ports.prompts import Prompt
from workers.algorithms import algorithms
from workers.algorithms.base import AlgorithmModule, Continues
from workers.narrative.opening import ONE_SENTENCE, opening, shown, stated
from workers.pipeline.ask import algorithm_of, with_context
from workers.pipeline.asking import prompt
from workers.pipeline.select import select

MAX_TOKENS = 96
"""Of one sentence, box included."""
PRIORITY = 0
"""A person waits."""
TIMEOUT_S = 20.0


class ProtocolPrompts:
    """The port `Prompts`: the first step of the reading's protocol whose model continues text, or answers questions."""

    def __init__(self, configurations: Configurations, models: Models, pixels: Pixels) -> None:
        self._configurations = configurations
        self._models = models
        self._pixels = pixels

    def of(
        self, job: Job, report: Report, begun: Begun, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        version = self._configurations.version(job.config_version)
        step, module = _writer(version.configuration.protocol(job.protocol).steps)
        if stop := self._configurations.active().configuration.stop_of(module.MODEL):
            raise Unsupported(stop.words)
        card = self._models.card(module.MODEL)
        chosen = select(images, module, card.limits, identity)
        if not chosen.images:
            raise Unsupported("; ".join(chosen.left_out) or f"{card.algorithm.name} reads none of these images")
        stored, looked = chosen.images[0]
        assert isinstance(module, Continues)
        algorithm = algorithm_of(card, step.adapter)
        measured = [each for each in report.findings if each.algorithm_uid != algorithm.device_uid]
        asked = module.prepare(self._pixels.read(stored), looked)
        asked = with_context(asked, context_line(step.context, stored.instance, identity, measured))
        return Prompt(
            question=replace(
                asked, adapter=step.adapter or None, prefix=opening(begun), guidance=ONE_SENTENCE,
                max_tokens=MAX_TOKENS, priority=PRIORITY, timeout_s=TIMEOUT_S,
            ),
            algorithm=algorithm,
            shown=partial(shown, begun),
            told=partial(stated, begun, forms=module.forms(looked)),
        )  # fmt: skip

    def asking(
        self, job: Job, report: Report, asked: Asked, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        version = self._configurations.version(job.config_version)
        step, module, card = self._answering(version.configuration.protocol(job.protocol).steps)
        if stop := self._configurations.active().configuration.stop_of(module.MODEL):
            raise Unsupported(stop.words)
        chosen = select(images, module, card.limits, identity)
        if not chosen.images:
            raise Unsupported("; ".join(chosen.left_out) or f"{card.algorithm.name} reads none of these images")
        stored, looked = chosen.images[0]
        forms = module.forms(looked) if isinstance(module, Continues) else ()
        prepared = replace(module.prepare(self._pixels.read(stored), looked), adapter=step.adapter or None)
        return prompt(prepared, card, algorithm_of(card, step.adapter), asked, forms)

    def _answering(self, steps: Iterable[ProtocolStep]) -> tuple[ProtocolStep, AlgorithmModule, Card]:
        """Raises Unsupported where no step's model answers questions."""
        for step in steps:
            module = algorithms().get(step.algorithm)
            if module is not None and (card := self._models.card(module.MODEL)).questions is not None:
                return step, module, card
        raise Unsupported("no model of this reading answers questions about images; its card would say so")


def _writer(steps: Iterable[ProtocolStep]) -> tuple[ProtocolStep, AlgorithmModule]:
    """Raises Unsupported where no step's model continues text."""
    for step in steps:
        module = algorithms().get(step.algorithm)
        if module is not None and isinstance(module, Continues):
            return step, module
    raise Unsupported("no model of this reading continues text")
