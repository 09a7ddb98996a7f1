"""Axial chest CT slices to one report: a bounded number of slices of one series, read one by one.

The model writes each slice in a small set of sentences (workers/narrative/forms.py). How many slices were read of how
many stands in the report.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.study import Instance, StoredInstance
from service.ports.models import Answer, ImagePart, Question
from service.ports.pixels import Frame
from workers.algorithms.base import Choice, Draft, Looked
from workers.narrative import slices, volume
from workers.narrative.forms import CT, Form
from workers.narrative.merge import doubts, listed, merged, seen
from workers.narrative.sentences import read

ALGORITHM = "chest-ct-report"
MODEL = "chest_demo"
LOOKED_FOR = tuple(form.concept for form in CT)
INSTRUCTION = "Write the report."
MAX_TOKENS = 320
MAX_SLICES = 12
NOT_AXIAL = "no series has axial slices with the patient's right on the left of the image; this algorithm reads those"


def accepts(instance: Instance) -> str | None:
    if instance.frames != 1:
        return "it has several frames; this algorithm reads single slices"
    return None


def choose(images: Sequence[StoredInstance]) -> Choice:
    """MAX_SLICES of the largest axial series, evenly spaced from its one end to its other."""
    found = volume.series(images)
    axial = [stack for each in found if (stack := volume.axial(each))]
    if not axial:
        return Choice(images=(), left_out=(NOT_AXIAL,) if images else ())
    largest = max(axial, key=len)
    chosen = volume.spread(largest, MAX_SLICES)
    of_series = f" of 1 of {len(found)} series" if len(found) > 1 else ""
    return Choice(images=chosen, notes=(f"{len(chosen)} of {len(largest)} slices{of_series} were read",))


def prepare(frame: Frame, looked: Looked) -> Question:
    return Question(model=MODEL, parts=(ImagePart.of(frame, "ct"), INSTRUCTION), max_tokens=MAX_TOKENS)


def interpret(answer: Answer, looked: Looked, *, namespace: str) -> Draft:
    return read(answer, CT, looked, namespace=namespace)


def forms(looked: Looked) -> Sequence[Form]:
    return CT


def combine(drafts: Sequence[Draft], looked: Sequence[Looked], *, namespace: str) -> Draft:
    """One finding for what several slices show; absent is what no slice shows."""
    numbers = [one.instance.number for one in looked]
    numbered = None not in numbers and len(set(numbers)) == len(numbers)
    names = {one.number: one.instance.number if numbered else one.number for one in looked}

    def places(shown: Sequence[int]) -> str:
        if len(set(shown)) == len(looked):
            return f"All {len(looked)} slices read: " if len(looked) > 1 else ""
        told = listed(sorted({number for each in shown if (number := names[each]) is not None}))
        return f"Slice{'s' if len(set(shown)) > 1 else ''} {told}: "

    return merged(
        slices.same(seen(drafts, looked)), places, doubts(drafts), whole=len(drafts) == len(looked), namespace=namespace
    )
