"""Asking: a person's question about an image, in the words that the model which read it can be asked in (C12).

What a person typed is read by rules into a kind and a finding, and the model hears the wording of its card. A card with
a `free` wording takes the person's words, too: as one JSON string, after what says that they are data.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from service.domain.algorithm import Algorithm, Askable, Card
from service.domain.completion import Told
from service.domain.errors import Unsupported
from service.domain.question.asked import Asked
from service.flow.quality import name_of
from service.ports.models import Guidance, ImagePart, Question
from service.ports.prompts import Prompt
from workers.narrative.forms import Form
from workers.narrative.replies import stated

PRIORITY = 0
"""A person waits."""
TIMEOUT_S = 20.0
ONE_LINE = Guidance(kind="regex", value=r"[^.\[\n]*\.")
FREE_LINE = Guidance(kind="regex", value=r"[^\n]*")
_DEFUSED = str.maketrans({"<": "(", ">": ")", "[": "(", "]": ")", "{": "(", "}": ")", "|": "/"})
"""What the marks of chat templates are written with, as in `service.domain.context`."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as the model hears it, and the finding that it is about; None for a person's own words."""

    text: str
    name: str | None


def wording(asked: Asked, askable: Askable) -> Wording:
    """Raises Unsupported for a question that the card has no words for, naming those that it has."""
    for name in (*asked.findings, *asked.devices):
        if text := askable.wordings.get(asked.kind, {}).get(name):
            return Wording(text, name)
    if askable.free:
        return Wording(f"{askable.free} {quoted(asked.text)}", None)
    known = ", ".join(sorted(askable.wordings.get("is", {})))
    raise Unsupported(f"the model can be asked only whether, where, on which side and how large these are: {known}")


def quoted(question: str) -> str:
    """A person's words as one JSON string that no tokenizer reads as a mark."""
    folded = unicodedata.normalize("NFKC", question)
    printable = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in folded)
    return json.dumps(" ".join(printable.translate(_DEFUSED).split()), ensure_ascii=False)


def prompt(prepared: Question, card: Card, algorithm: Algorithm, asked: Asked, forms: Sequence[Form]) -> Prompt:
    """`prepared`, the request for a report on an image, as the question to `algorithm` instead. Raises Unsupported."""
    if card.questions is None:
        raise Unsupported(f"{card.algorithm.name} answers no questions about images")
    words = wording(asked, card.questions)
    form = next((each for each in forms if words.name and name_of(each.concept, each.site) == words.name), None)
    if words.name and form is None:
        raise Unsupported(f"{card.algorithm.name} does not look for {words.name} on such an image")
    images = tuple(part for part in prepared.parts if isinstance(part, ImagePart))
    return Prompt(
        question=replace(
            prepared, parts=(*images, words.text), guidance=ONE_LINE if form else FREE_LINE, prefix="",
            max_tokens=card.questions.max_tokens, priority=PRIORITY, timeout_s=TIMEOUT_S,
        ),
        algorithm=algorithm,
        shown=lambda text: " ".join(text.split()),
        told=partial(stated, asked.kind, form) if form else _unchecked,
    )  # fmt: skip


def _unchecked(answer: str) -> tuple[Told, ...]:
    """A free answer has no coded meaning."""
    return (Told(text=answer.strip(), prompted=False),) if answer.strip() else ()
