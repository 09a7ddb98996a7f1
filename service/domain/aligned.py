"""Aligned: the edits that make one text of another. Sentences that are alike are one that was changed, and each change
has its kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import partial

from service.domain.edit import Edit, EditClass
from service.domain.wording import Said, likeness, said, sentences

_ALIKE = 0.3
"""From this likeness on two sentences are one that was changed, not one removed and another added."""
_Pair = tuple[int, int]
_MOST_PAIRS = 40_000
"""Pairs of one changed passage that are compared; a longer one is paired in order."""


def edits(before: str, after: str, may: Callable[[int, int], bool] = lambda _, __: True) -> tuple[Edit, ...]:
    """The edits that make `after` of `before`; `replayed` makes it again, to the last space.

    `may` tells whether one sentence, by its number, can have been changed into another, by its number in `after`.
    """
    old, new = sentences(before), sentences(after)
    found: list[Edit] = []
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            pairs = _pairs(old[start:end], new[first:last], partial(_shifted, may, start, first))
            found += _passage(old[start:end], new[first:last], pairs, start)
    return tuple(found)


def _shifted(may: Callable[[int, int], bool], start: int, first: int, one: int, other: int) -> bool:
    return may(start + one, first + other)


def _passage(old: Sequence[str], new: Sequence[str], pairs: Sequence[_Pair], start: int) -> Iterator[Edit]:
    """Edits of a passage in which nothing stayed as it was."""
    at = written = 0
    for one, other in [*pairs, (len(old), len(new))]:
        yield from (_edit(start + number, old[number], "") for number in range(at, one))
        yield from (_edit(start + one, "", new[number]) for number in range(written, other))
        if one < len(old):
            yield _edit(start + one, old[one], new[other])
        at, written = one + 1, other + 1


def _pairs(old: Sequence[str], new: Sequence[str], may: Callable[[int, int], bool]) -> list[_Pair]:
    """Numbers of sentences that are one changed into the other, in order: together as alike as they can be."""
    if len(old) * len(new) > _MOST_PAIRS:
        return [(n, n) for n in range(min(len(old), len(new))) if may(n, n) and likeness(old[n], new[n]) >= _ALIKE]
    alike = [[likeness(one, two) if may(i, j) else 0.0 for j, two in enumerate(new)] for i, one in enumerate(old)]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = alike[i][j] + best[i + 1][j + 1] if alike[i][j] >= _ALIKE else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    return list(_traced(alike, best))


def _traced(alike: list[list[float]], best: list[list[float]]) -> Iterator[tuple[int, int]]:
    i = j = 0
    while i < len(best) - 1 and j < len(best[0]) - 1:
        if alike[i][j] >= _ALIKE and best[i][j] == alike[i][j] + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _edit(at: int, before: str, after: str) -> Edit:
    return Edit(at=at, before=before, after=after, classes=classes(before, after))


def classes(before: str, after: str) -> tuple[EditClass, ...]:
    """What kinds of change make `after` of the sentence `before`; empty stands for none there."""
    if not before:
        return (EditClass.INSERT,)
    if not after:
        return (EditClass.DELETE,)
    return tuple(_meanings(said(before), said(after))) or (EditClass.REWORD,)


def _meanings(old: Said, new: Said) -> Iterator[EditClass]:
    if old.absent != new.absent:
        yield EditClass.NEGATION
    if sorted(old.sides) != sorted(new.sides):
        yield EditClass.LATERALITY
    if sorted(old.numbers) != sorted(new.numbers):
        yield EditClass.MEASUREMENT
    if sorted(old.degrees) != sorted(new.degrees):
        yield EditClass.SEVERITY
    if old.rest != new.rest:
        yield EditClass.REWORD
