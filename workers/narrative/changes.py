"""What changed since an earlier study: one algorithm's findings on both, held against one another, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.domain import code
from service.domain.code import Code
from service.domain.report import Finding, Section, Sentence
from service.flow.words import count

_RANKS = {code.MILD: 1, code.MODERATE: 2, code.SEVERE: 3}
LEAST_MM, LEAST_SHARE = 2.0, 0.1
"""By how much a length must differ to be called a change: both, so that neither small nor large things seem to move."""

Thing = tuple[Code, Code | None]
"""A concept; with its site where it means nothing without one."""


def changes(current: Sequence[Finding], prior: Sequence[Finding], day: str) -> tuple[Sentence, ...]:
    """A sentence for each thing that either study shows, citing the current findings; one in all where none shows any.

    A thing of which only one of the studies says anything is not compared.
    """
    now, then = _things(current), _things(prior)
    both = [thing for thing in now if thing in then]
    told = [
        Sentence(section=Section.FINDINGS, text=f"Compared with {day}: {text}.", findings=cited)
        for thing in both
        for text, cited in _changes(thing, now[thing], then[thing])
    ]
    if both and not told:
        cited = tuple(finding.tracking_id for thing in both for finding in now[thing])
        told = [Sentence(section=Section.FINDINGS, text=f"Compared with {day}: nothing new.", findings=cited)]
    return tuple(told)


def _changes(thing: Thing, now: Sequence[Finding], then: Sequence[Finding]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Side by side, what is told of the thing, and which current findings carry it."""
    shown = [finding for finding in (*now, *then) if finding.present]
    for side in dict.fromkeys(finding.laterality for finding in shown):
        here, there = ([each for each in one if each.present and each.laterality == side] for one in (now, then))
        words = f"{_named(thing, side)} {_change(here, there)}"
        yield words, tuple(finding.tracking_id for finding in here or now)


def _change(here: Sequence[Finding], there: Sequence[Finding]) -> str:
    """In words; at least one of the two shows it."""
    if not there:
        return "is new"
    if not here:
        return "is no longer seen"
    if len(here) > 1 or len(there) > 1:
        return f"is seen {count(len(here), 'time')}, then {count(len(there), 'time')}"
    return _size(here[0], there[0]) or _grade(here[0].severity, there[0].severity) or "is still present"


def _size(now: Finding, then: Finding) -> str:
    """By the first length that both state."""
    there = {measured.concept: measured for measured in then.measurements if measured.unit == code.MILLIMETER}
    for here in now.measurements:
        if (before := there.get(here.concept)) is not None:
            return f"{_verdict(here.value, before.value)} ({here.text}, then {before.text})"
    return ""


def _verdict(now_mm: float, then_mm: float) -> str:
    difference = abs(now_mm - then_mm)
    if difference < LEAST_MM or difference < LEAST_SHARE * max(now_mm, then_mm):
        return "is unchanged in size"
    return "has grown" if now_mm > then_mm else "has shrunk"


def _grade(now: Code | None, then: Code | None) -> str:
    if now is None or then is None or not {now, then} <= _RANKS.keys():
        return ""
    here, before = now.meaning.lower(), then.meaning.lower()
    if here == before:
        return f"is unchanged in degree ({here})"
    return f"has {'worsened' if _RANKS[now] > _RANKS[then] else 'improved'} ({here}, then {before})"


def _things(findings: Sequence[Finding]) -> Mapping[Thing, list[Finding]]:
    found: dict[Thing, list[Finding]] = {}
    for finding in findings:
        site = finding.site if finding.concept == code.ENLARGED else None
        found.setdefault((finding.concept, site), []).append(finding)
    return found


def _named(thing: Thing, side: Code | None) -> str:
    parts = (side, *thing)
    return " ".join(part.meaning.lower() for part in parts if part)
