"""A model that goes on with a report as a test wants it to, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from service.domain.algorithm import Algorithm
from service.domain.completion import Begun
from service.ports.finish import Finish
from service.ports.halt import Halt
from service.ports.models import Answer, Piece, Question, ScriptedModels
from service.ports.prompts import Prompt
from tests.support.web_records import ALGORITHM, CARD
from workers.narrative.forms import FRONTAL
from workers.narrative.opening import ONE_SENTENCE, opening, shown, stated


def pieces(text: str) -> tuple[Piece, ...]:
    """A word each."""
    return tuple(Piece(each) for each in re.findall(r"\s*\S+", text))


def writes(text: str, *, finish: Finish = Finish.STOP, digest: str = ALGORITHM.digest) -> ScriptedModels:
    """A model that always answers `text`."""
    answer = Answer(
        text=text, finish=finish, model=CARD.algorithm.name, version="1", digest=digest, pieces=pieces(text)
    )
    return ScriptedModels({ALGORITHM.name: CARD}, lambda question: answer)


class Endless(ScriptedModels):
    """A model that writes on until nobody wants it any more, and tells when it has begun."""

    def __init__(self, begun: Callable[[], object], most: int = 100_000) -> None:
        super().__init__({ALGORITHM.name: CARD}, lambda question: self._answer(most))
        self._begun = begun

    def ask(
        self, question: Question, *, on_text: Callable[[str], None] | None = None, halt: Halt | None = None
    ) -> Answer:
        def hear(piece: str) -> None:
            if on_text:
                on_text(piece)
            self._begun()

        return super().ask(question, on_text=hear, halt=halt)

    def _answer(self, most: int) -> Answer:
        return Answer(
            text=" on" * most, finish=Finish.LENGTH, model=ALGORITHM.name, version="1", digest=ALGORITHM.digest,
            pieces=(Piece(" on"),) * most,
        )  # fmt: skip


def prompt(begun: Begun, *, algorithm: Algorithm = ALGORITHM) -> Prompt:
    """As the radiographs' algorithm asks, without an image."""
    return Prompt(
        question=Question(model=algorithm.name, parts=("Write.",), prefix=opening(begun), guidance=ONE_SENTENCE),
        algorithm=algorithm,
        shown=partial(shown, begun),
        told=partial(stated, begun, forms=FRONTAL),
    )
