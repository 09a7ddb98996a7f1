"""Prompts: a report that a person has begun, or what one asks of an image, as a question to the model that read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.domain.algorithm import Algorithm
from service.domain.completion import Begun, Told
from service.domain.job import Job
from service.domain.question.asked import Asked
from service.domain.report import Report
from service.domain.study import Identity, StoredInstance
from service.ports.models import Question


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A question whose answer goes on where the person stopped, and how that answer is read."""

    question: Question
    algorithm: Algorithm
    """Who is asked."""
    shown: Callable[[str], str]
    """What people see of an answer, or of its beginning; what it gives for more of the answer begins with what it
    gives for less."""
    told: Callable[[str], tuple[Told, ...]]
    """What the sentence that the whole answer belongs to states."""


class Prompts(Protocol):
    """Knows how each algorithm's model is asked to go on with a report, and about its images."""

    def of(
        self, job: Job, report: Report, begun: Begun, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        """The question to the model that read `report` for `job`, about the first of `images` that it reads.

        Raises Unsupported (no model of the reading continues text, or none reads these images), Unreadable (the
        picture), Misconfigured, Unavailable.
        """
        ...

    def asking(
        self, job: Job, report: Report, asked: Asked, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        """The question to a model of that reading whose card answers such questions, about the first of `images` that
        it reads; what a person typed stands in it as data or not at all.

        Raises Unsupported (no model of the reading answers it, with what it answers, or none reads these images),
        Unreadable (the picture), Misconfigured, Unavailable.
        """
        ...


class ScriptedPrompts:
    """A fake for unit tests: hands out what `prompt` makes, or raises; keeps what it was asked."""

    def __init__(self, prompt: Callable[[Begun], Prompt] | None = None, *, broken: Exception | None = None) -> None:
        self.prompt = prompt
        self.broken = broken
        self.begun: list[Begun] = []
        self.question: Callable[[Asked], Prompt] | None = None
        self.asked: list[Asked] = []
        self.images: list[Sequence[StoredInstance]] = []

    def of(
        self, job: Job, report: Report, begun: Begun, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        self.begun.append(begun)
        self.images.append(images)
        if self.broken is not None:
            raise self.broken
        assert self.prompt is not None, "no prompt is scripted"
        return self.prompt(begun)

    def asking(
        self, job: Job, report: Report, asked: Asked, images: Sequence[StoredInstance], identity: Identity
    ) -> Prompt:
        self.asked.append(asked)
        self.images.append(images)
        if self.broken is not None:
            raise self.broken
        assert self.question is not None, "no question is scripted"
        return self.question(asked)
