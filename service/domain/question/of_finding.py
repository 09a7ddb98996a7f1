"""Of finding: what a report says to a question about one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from service.domain.prose.change import FOLDED, ORDER, Change, changes, cues
from service.domain.prose.mention import Mention
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.side import Side, sides
from service.domain.prose.site import sites
from service.domain.prose.span import Span
from service.domain.question.asked import Asked, Kind
from service.domain.question.reply import Reply, Verdict, unstated
from service.domain.question.size import size_of

ALONE = "This is what the report says by itself; no earlier report was held beside it."
NO_SIDE = "The report states it without a side."
NO_SIZE = "The report states it without a size."
NO_CHANGE = "The report states it and does not say how it was before."
_VERDICTS = {Polarity.PRESENT: Verdict.YES, Polarity.UNCERTAIN: Verdict.POSSIBLE, Polarity.ABSENT: Verdict.NO}
_CONTRARY = {Polarity.PRESENT: Polarity.ABSENT, Polarity.ABSENT: Polarity.PRESENT}


def about_finding(name: str, what: Asked, reading: Reading, before: Reading | None) -> Reply:
    """The reply about the finding called `name` in the vocabulary."""
    found = _meant(name, what, reading)
    if what.kind is Kind.CHANGE:
        return _changed(name, found, reading, before)
    if not found:
        return unstated(name)
    said = [each for each in found if each.polarity is not Polarity.ABSENT]
    if not said:
        return _is(name, what, found)
    return _ANSWERS.get(what.kind, _is)(name, what, found if what.kind is Kind.IS else said)


def _meant(name: str, what: Asked, reading: Reading) -> list[Mention]:
    """Every mention of it at the site that was asked for; a general denial holds for every site."""
    found = [each for each in reading.told if each.name == name]
    last = [each for each in found if reading.part(each.span.start) is Part.ADDENDUM]
    wanted, found = sites(what.about(name)), last or found
    if not wanted:
        return found
    placed = [(each, sites(each.clause.text)) for each in found]
    return [each for each, where in placed if where & wanted or (not where and each.absent)]


def _is(name: str, what: Asked, found: Sequence[Mention]) -> Reply:
    for polarity, verdict in _VERDICTS.items():
        if here := [each for each in found if each.polarity is polarity]:
            against = [each.clause for each in found if each.polarity is _CONTRARY.get(polarity)]
            if what.sides and polarity is not Polarity.ABSENT:
                return _on_that_side(name, what, here, verdict)
            return Reply(about=name, answer=verdict, spans=_clauses(here), also=tuple(dict.fromkeys(against)))
    return unstated(name)


def _on_that_side(name: str, what: Asked, found: Sequence[Mention], verdict: Verdict) -> Reply:
    wanted = _each_side(what.sides)
    said = {each: _each_side(_sides(each)) for each in found}
    here = [each for each, where in said.items() if where & wanted]
    if here and set().union(*(said[each] for each in here)) >= wanted:
        return Reply(about=name, answer=verdict, spans=_clauses(here))
    if any(said.values()):
        return Reply(about=name, answer=Verdict.NO, spans=_clauses(each for each, where in said.items() if where))
    return Reply(about=name, answer=Verdict.STATED, spans=_clauses(found), note=NO_SIDE)


def _side(name: str, what: Asked, found: Sequence[Mention]) -> Reply:
    placed = [each for each in found if _sides(each)]
    if not placed:
        return unstated(name, NO_SIDE)
    every = set().union(*(_each_side(_sides(each)) for each in placed))
    return Reply(about=name, answer=Side.BOTH if len(every) > 1 else every.pop(), spans=_clauses(placed))


def _size(name: str, what: Asked, found: Sequence[Mention]) -> Reply:
    sized = [(each, size) for each in found if (size := size_of(each.clause, each.span))]
    measured = [pair for pair in sized if pair[1][:1].isdigit()] or sized
    if not measured:
        return unstated(name, NO_SIZE)
    words = " and ".join(dict.fromkeys(size for _, size in measured))
    return Reply(about=name, answer=words, spans=_clauses(each for each, _ in measured))


def _where(name: str, what: Asked, found: Sequence[Mention]) -> Reply:
    return Reply(about=name, answer=Verdict.STATED, spans=_clauses(found))


def _changed(name: str, found: Sequence[Mention], reading: Reading, before: Reading | None) -> Reply:
    if before is not None:
        folded = FOLDED.get(name, name)
        for each in changes(reading, before):
            if each.name == folded and each.now:
                return Reply(about=name, answer=each.change, spans=tuple(dict.fromkeys(_wider(each.now, reading))))
    said = {change for each in found for change in cues(each)}
    here = [each for each in found if cues(each)]
    gone = [each for each in found if each.absent]
    if len(gone) == len(found) and gone:
        change = Change.RESOLVED if Change.RESOLVED in said else Verdict.NO
        return Reply(about=name, answer=change, spans=_clauses(gone))
    for told in ORDER:
        if told in said:
            return Reply(about=name, answer=told, spans=_clauses(here), note=ALONE)
    return unstated(name, NO_CHANGE if found else "")


def _wider(spans: Iterable[Span], reading: Reading) -> Iterable[Span]:
    """The clauses of mentions that stand at `spans`."""
    return (each.clause for span in spans for each in reading.mentions if each.span == span)


def _sides(mention: Mention) -> tuple[Side, ...]:
    if mention.side is not Side.UNSAID:
        return (mention.side,)
    return tuple(side for side, _ in sides(mention.clause.text))[:1]


def _each_side(named: Iterable[Side]) -> set[Side]:
    return {side for each in named for side in ((Side.LEFT, Side.RIGHT) if each is Side.BOTH else (each,))}


def _clauses(found: Iterable[Mention]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(each.clause for each in found))


_ANSWERS: Mapping[Kind, Callable[[str, Asked, Sequence[Mention]], Reply]] = {
    Kind.SIDE: _side, Kind.SIZE: _size, Kind.WHERE: _where,
}  # fmt: skip
