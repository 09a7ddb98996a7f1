"""Answer: a question to a report's text, by rules; each reply cites clauses of the text, or is "not stated"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from service.domain.prose.change import Change, Compared, cues
from service.domain.prose.change import changes as compared
from service.domain.prose.devices import State, devices
from service.domain.prose.labels import labels
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.span import Span, sentence_spans
from service.domain.question.asked import Asked, Kind, asked
from service.domain.question.of_device import about_device
from service.domain.question.of_finding import ALONE, about_finding
from service.domain.question.reply import Reply, Verdict, unstated
from service.domain.question.words import ADVICE, by_words, stated_in

_NORMAL = re.compile(r"(?<!\w)(?:normal\w*|ok|unauffällig\w*|in ordnung)\W*$", re.IGNORECASE)
_MOST = 12
"""Clauses that one reply cites."""


def answer(question: str, reading: Reading, before: Reading | None = None) -> tuple[Reply, ...]:
    """What `reading` says to `question`; `before` is an earlier report of the same patient, for questions of change.

    One reply for each finding or device that is asked about, else one.
    """
    what = asked(question)
    if what.kind in _OVERALL:
        return (_OVERALL[what.kind](what, reading),)
    if what.kind is Kind.CHANGE and not (what.findings or what.devices):
        return (_change(reading, before),)
    found = [about_finding(name, what, reading, before) for name in what.findings]
    found += [about_device(name, what, reading) for name in what.devices]
    return tuple(found) or (by_words(what, reading),)


def _section(what: Asked, reading: Reading) -> Reply:
    bodies = [each.body for each in reading.sections if each.part is what.part and each.body.text]
    return _stated([span for body in bodies for span in sentence_spans(body)])


def _advice(what: Asked, reading: Reading) -> Reply:
    return _stated(stated_in(reading, ADVICE))


def _devices(what: Asked, reading: Reading) -> Reply:
    found = devices(reading)
    for states, verdict in (
        ({State.PRESENT, State.MALPOSITIONED}, Verdict.YES),
        ({State.REMOVED, State.ABSENT}, Verdict.NO),
    ):
        if spans := [each.span for each in found if each.state in states]:
            return Reply(about="", answer=verdict, spans=_few(spans))
    return unstated()


def _change(reading: Reading, before: Reading | None) -> Reply:
    if before is not None:
        every: tuple[Compared, ...] = compared(reading, before)
        spans = [span for each in every if each.change is not Change.STABLE for span in each.now]
        return _stated(spans)
    return _stated([each.clause for each in reading.told if cues(each)], note=ALONE)


def _abnormal(what: Asked, reading: Reading) -> Reply:
    present = [each.clause for each in reading.told if each.polarity is not Polarity.ABSENT]
    normal = [each for each in labels(reading) if each.name == "No Finding" and each.state == "present"]
    yes, no = (Verdict.NO, Verdict.YES) if _NORMAL.search(what.text) else (Verdict.YES, Verdict.NO)
    if present:
        return Reply(about="", answer=yes, spans=_few(present))
    if normal:
        told = reading.sentences(Part.IMPRESSION) or reading.sentences(Part.FINDINGS)
        return Reply(about="", answer=no, spans=_few(told))
    return unstated()


def _stated(spans: Iterable[Span], note: str = "") -> Reply:
    few = _few(spans)
    return Reply(about="", answer=Verdict.STATED, spans=few, note=note) if few else unstated()


def _few(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(spans))[:_MOST]


_OVERALL: Mapping[Kind, Callable[[Asked, Reading], Reply]] = {
    Kind.SECTION: _section, Kind.ADVICE: _advice, Kind.DEVICES: _devices, Kind.ABNORMAL: _abnormal,
}  # fmt: skip
