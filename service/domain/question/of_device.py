"""Of device: what a report says to a question about one kind of tube, line, drain or implant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from service.domain.prose.devices import Device, State, devices
from service.domain.prose.reading import Reading
from service.domain.prose.side import Side, side_of
from service.domain.prose.span import Span, clauses
from service.domain.question.asked import Asked, Kind
from service.domain.question.reply import Reply, Verdict, unstated
from service.domain.question.size import size_of

NO_PLACE = "The report states it without saying where it ends."
_PLACED = re.compile(
    r"\b(?:tip|end(?:s|ing)?|above|below|carina|cava|atrium|position\w*|place\w*|projects?|satisfactory|terminat\w+|level"
    r"|spitze|oberhalb|unterhalb|karina|vorhof|regelrecht\w*|korrekt\w*|projektion|lage|endet|höhe)\b",
    re.IGNORECASE,
)
_IN_PLACE = frozenset((State.PRESENT, State.MALPOSITIONED))


def about_device(name: str, what: Asked, reading: Reading) -> Reply:
    """The reply about the device called `name` in `service.domain.prose.devices`."""
    found = [each for each in devices(reading) if each.name == name]
    if not found:
        return unstated(name)
    here = [each for each in found if each.state in _IN_PLACE]
    if not here:
        return Reply(about=name, answer=Verdict.NO, spans=_clauses(found))
    if what.kind is Kind.SIDE:
        return _side(name, here)
    if what.kind is Kind.SIZE:
        return _size(name, here)
    if what.kind is Kind.POSITION:
        return _position(name, what, here)
    if what.kind is Kind.WHERE:
        return _where(name, here)
    return Reply(about=name, answer=Verdict.YES, spans=_clauses(here))


def _side(name: str, here: Sequence[Device]) -> Reply:
    placed = [(each, side) for each in here if (side := _side_of(each)) is not Side.UNSAID]
    if not placed:
        return unstated(name, "The report states it without a side.")
    every = {side for _, side in placed}
    return Reply(about=name, answer=every.pop() if len(every) == 1 else Side.BOTH, spans=_clauses(e for e, _ in placed))


def _size(name: str, here: Sequence[Device]) -> Reply:
    sized = [(each, size) for each in here if (size := size_of(each.sentence, each.span))[:1].isdigit()]
    if not sized:
        return unstated(name, "The report states it without a measure.")
    return Reply(about=name, answer=sized[0][1], spans=(sized[0][0].sentence,))


def _position(name: str, what: Asked, here: Sequence[Device]) -> Reply:
    wrong = [each.sentence for each in here if each.state is State.MALPOSITIONED]
    if wrong:
        return Reply(about=name, answer=Verdict.YES if what.inverted else Verdict.NO, spans=tuple(dict.fromkeys(wrong)))
    return _where(name, here)


def _where(name: str, here: Sequence[Device]) -> Reply:
    told = tuple(dict.fromkeys(each.sentence for each in here if _PLACED.search(each.sentence.text)))
    return Reply(about=name, answer=Verdict.STATED, spans=told) if told else unstated(name, NO_PLACE)


def clause_of(device: Device) -> Span:
    """The clause of its sentence that names it."""
    cut = clauses(device.sentence)
    return next((each for each in cut if each.holds(device.span.start)), device.sentence)


def _side_of(device: Device) -> Side:
    clause = clause_of(device)
    return side_of(clause.text, device.span.start - clause.start, device.span.end - clause.start)[0]


def _clauses(found: Iterable[Device]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(clause_of(each) for each in found))
