"""Chest radiographs, frontal and lateral, to one report with coded findings and their boxes.

The model writes each view in its own small set of sentences (workers/narrative/forms.py). The header says which view
an image is, and so which sentences are taken; version 1 of the model writes fewer. Several radiographs of a study
become one report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.domain.study import Instance
from service.ports.models import Answer, ImagePart, Question
from service.ports.pixels import Frame
from workers.algorithms.base import Draft, Looked
from workers.narrative import projections
from workers.narrative.forms import FRONTAL, LATERAL, Form
from workers.narrative.merge import doubts, merged, seen
from workers.narrative.sentences import read

ALGORITHM = "chest-radiograph-report"
MODEL = "chest_demo"
LOOKED_FOR = tuple(form.concept for form in FRONTAL)
INSTRUCTION = "Write the report."
MAX_TOKENS = 512

_VIEWS: Mapping[str, tuple[str, tuple[Form, ...]]] = {
    "PA": ("frontal", FRONTAL),
    "AP": ("frontal", FRONTAL),
    "LL": ("lateral", LATERAL),
}
"""View in words and what is stated of it, by View Position (0018,5101)."""


def accepts(instance: Instance) -> str | None:
    if instance.frames != 1:
        return "it has several frames; this algorithm reads single radiographs"
    if instance.view not in _VIEWS:
        return f"view position is {instance.view or 'not stated'}; this algorithm reads {', '.join(_VIEWS)}"
    return None


def prepare(frame: Frame, looked: Looked) -> Question:
    view, _ = _VIEWS[looked.instance.view]
    return Question(model=MODEL, parts=(ImagePart.of(frame, view), INSTRUCTION), max_tokens=MAX_TOKENS)


def interpret(answer: Answer, looked: Looked, *, namespace: str) -> Draft:
    return read(answer, forms(looked), looked, namespace=namespace)


def forms(looked: Looked) -> Sequence[Form]:
    _, stated = _VIEWS[looked.instance.view]
    return stated


def combine(drafts: Sequence[Draft], looked: Sequence[Looked], *, namespace: str) -> Draft:
    """One finding for what several views show; what they disagree on is said."""
    of = len(looked)

    def places(numbers: Sequence[int]) -> str:
        return f"{projections.images(numbers, of).capitalize()}: " if of > 1 else ""

    groups = projections.same(seen(drafts, looked))
    draft = merged(groups, places, doubts(drafts), whole=len(drafts) == len(looked), namespace=namespace)
    return replace(draft, sentences=(*draft.sentences, *projections.disagreements(groups, draft, of)))
