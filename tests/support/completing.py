"""A model that goes on with a report as a test wants it to, piece by piece."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from service.domain.algorithm import Algorithm
from service.domain.completion import Begun
from service.domain.question.asked import Asked
from service.ports.finish import Finish
from service.ports.halt import Halt, Halted
from service.ports.models import Answer, ImagePart, Piece, Question, ScriptedModels
from service.ports.prompts import Prompt, ScriptedPrompts
from tests.support.web_records import ALGORITHM, CARD, uid
from workers.narrative.forms import FRONTAL
from workers.narrative.opening import ONE_SENTENCE, opening, shown, stated
from workers.narrative.replies import stated as replied

_TOKEN_S = 0.005
"""How long a token of an endless answer takes."""


def pieces(text: str) -> tuple[Piece, ...]:
    """A word each."""
    return tuple(Piece(each) for each in re.findall(r"\s*\S+", text))


def writes(text: str, *, finish: Finish = Finish.STOP, digest: str = ALGORITHM.digest) -> ScriptedModels:
    """A model that always answers `text`."""
    answer = Answer(
        text=text, finish=finish, model=CARD.algorithm.name, version="1", digest=digest, pieces=pieces(text)
    )
    return ScriptedModels({ALGORITHM.name: CARD}, lambda question: answer)


def says(said: Mapping[str, str]) -> ScriptedModels:
    """A model that answers by the last words of what it is to go on with; nothing where it knows none of them."""

    def answer(question: Question) -> Answer:
        text = next((text for words, text in said.items() if question.prefix.endswith(words)), "")
        return writes(text).ask(question)

    return ScriptedModels({ALGORITHM.name: CARD}, answer)


class Endless(ScriptedModels):
    """A model that writes on until nobody wants it any more, and tells of each token."""

    def __init__(self, wrote: Callable[[], object]) -> None:
        super().__init__({ALGORITHM.name: CARD})
        self._wrote = wrote
        self._pace = threading.Event()

    def ask(
        self, question: Question, *, on_text: Callable[[str], None] | None = None, halt: Halt | None = None
    ) -> Answer:
        while not (halt and halt.halted):
            self.written.append(" on")
            if on_text:
                on_text(" on")
            self._wrote()
            self._pace.wait(_TOKEN_S)
        raise Halted


def prompt(begun: Begun, *, algorithm: Algorithm = ALGORITHM) -> Prompt:
    """As the radiographs' algorithm asks, without an image."""
    return Prompt(
        question=Question(model=algorithm.name, parts=("Write.",), prefix=opening(begun), guidance=ONE_SENTENCE),
        algorithm=algorithm,
        shown=partial(shown, begun),
        told=partial(stated, begun, forms=FRONTAL),
    )


def asking(what: Asked) -> Prompt:
    """A question about an effusion, as the radiographs' algorithm asks, of an image that is named alone."""
    effusion = next(each for each in FRONTAL if each.name == "pleural effusion")
    image = ImagePart(label="frontal", pixels=np.zeros((1, 1), np.uint16), source=f"{uid(2)}.1.1")
    return Prompt(
        question=Question(model=ALGORITHM.name, parts=(image, "Is there a pleural effusion?")),
        algorithm=ALGORITHM,
        shown=str.strip,
        told=partial(replied, what.kind, effusion),
    )


def answering(prompts: ScriptedPrompts) -> ScriptedPrompts:
    """The same, and it answers questions."""
    prompts.question = asking
    return prompts
