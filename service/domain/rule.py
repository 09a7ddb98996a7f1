"""Rule, Clause, Match: which protocol reads which series, decided without I/O and explained in words."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

from pydicom.uid import UID

from service.domain.said import Said, say, say_join, say_many, say_or
from service.domain.sop import is_image
from service.domain.study import StoredInstance, Study, age_years


class Mode(StrEnum):
    """Off: never matches. Shadow: read and recorded, not delivered. Live: delivered."""

    OFF = "off"
    SHADOW = "shadow"
    LIVE = "live"


class Priority(IntEnum):
    """Order of the lanes; the smaller goes first (PS3.3 C.4.15 Scheduled Procedure Step Priority)."""

    STAT = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What a rule asks of a study and its series. An empty condition asks nothing; all must hold.

    Text patterns are shell patterns without regard to case ("THORAX*"); one of a tuple must match.
    """

    source: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()
    """SOP Class UIDs; needed only to let non-image objects trigger (invariant 6)."""
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(DICOM keyword, patterns) pairs; keywords out of ROUTING_KEYWORDS."""
    min_age_years: float | None = None
    max_age_years: float | None = None
    received_from: time | None = None
    """Local time of day of the site; with `received_until` a window that may span midnight."""
    received_until: time | None = None
    max_study_age: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One routing rule, as it stands in rules.toml."""

    name: str
    protocol: str
    mode: Mode = Mode.SHADOW
    priority: Priority = Priority.MEDIUM
    deadline: timedelta = timedelta(hours=1)
    """How long after the study is complete a result is still of use."""
    outputs: tuple[str, ...] = ("basic-text-sr", "tid1500")
    destinations: tuple[str, ...] = ()
    when: Conditions = Conditions()
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """Originals that match go to a destination at once, one by one (invariant 5)."""

    destination: str
    source: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()


NAME_IT = say("name its class in sop_class to take it")


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition held against one series: what was wanted, what was found."""

    name: str
    wanted: str
    found: str
    holds: bool
    hint: str = ""
    """What would make it hold, if that is not plain from what was wanted."""

    def __str__(self) -> str:
        return str(self.said)

    @property
    def said(self) -> Said:
        """The clause as a sentence."""
        found = self.found or say("nothing")
        if self.hint:
            return say(
                "{name}: wanted {wanted}, found {found} ({hint})",
                name=self.name, wanted=self.wanted, found=found, hint=self.hint,
            )  # fmt: skip
        return say("{name}: wanted {wanted}, found {found}", name=self.name, wanted=self.wanted, found=found)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesVerdict:
    """Every clause of a rule for one series; the rule takes the series if all hold."""

    series_instance_uid: UID
    clauses: tuple[Clause, ...]

    @property
    def holds(self) -> bool:
        return all(clause.holds for clause in self.clauses)

    @property
    def failed(self) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if not clause.holds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A rule held against a study: matched if it is on and takes at least one series."""

    rule: Rule
    verdicts: tuple[SeriesVerdict, ...]

    @property
    def series(self) -> tuple[UID, ...]:
        return tuple(v.series_instance_uid for v in self.verdicts if v.holds)

    @property
    def matched(self) -> bool:
        return self.rule.mode is not Mode.OFF and bool(self.series)

    @property
    def why_not(self) -> str:
        """In one sentence why the rule does not match; empty if it does."""
        if self.matched:
            return ""
        if self.rule.mode is Mode.OFF:
            return say("the rule is off")
        if not self.verdicts:
            return say("the study has no series")
        nearest = min(self.verdicts, key=lambda verdict: len(verdict.failed))
        return say_join("; ", (clause.said for clause in nearest.failed))


def match(rule: Rule, study: Study, *, now: datetime) -> Match:
    """Hold `rule` against every series of `study`; `now` is aware, in the site's zone."""
    verdicts = [
        SeriesVerdict(series_instance_uid=uid, clauses=tuple(_clauses(rule.when, study, members, now)))
        for uid, members in study.series().items()
    ]
    return Match(rule=rule, verdicts=tuple(verdicts))


def forwards(rules: Iterable[Forward], *, source: str, modality: str) -> tuple[str, ...]:
    """Destinations that an original from `source` goes to, each once, in order of the rules."""
    found = dict.fromkeys(
        rule.destination for rule in rules if _any_like(source, rule.source) and _any_like(modality, rule.modality)
    )
    return tuple(found)


def _clauses(when: Conditions, study: Study, members: tuple[StoredInstance, ...], now: datetime) -> Iterable[Clause]:
    first = members[0].instance
    yield _sop_class_clause(when, first.sop_class_uid)
    for name, patterns, found in (
        (say("source"), when.source, study.source),
        (say("modality"), when.modality, first.modality),
        (say("body part"), when.body_part, first.body_part),
    ):
        if patterns:
            yield Clause(name, say_or(patterns), found, _any_like(found, patterns))
    if when.view:
        views = sorted({stored.instance.view for stored in members})
        holds = any(_any_like(view, when.view) for view in views)
        yield Clause(say("view"), say_or(when.view), ", ".join(filter(None, views)), holds)
    for keyword, patterns in when.tags:
        found = first.attributes.get(keyword, "")
        holds = any(_any_like(value, patterns) for value in found.split("\\"))
        yield Clause(keyword, say_or(patterns), found, holds)
    yield from _number_clauses(when, study, members, now)


def _sop_class_clause(when: Conditions, sop_class: UID) -> Clause:
    if when.sop_class:
        return Clause(say("SOP class"), say_or(when.sop_class), sop_class.name, sop_class in when.sop_class)
    holds = is_image(sop_class)
    return Clause(say("SOP class"), say("a diagnostic image"), sop_class.name, holds, hint="" if holds else NAME_IT)


def _number_clauses(
    when: Conditions, study: Study, members: tuple[StoredInstance, ...], now: datetime
) -> Iterable[Clause]:
    if when.min_age_years is not None or when.max_age_years is not None:
        low, high = when.min_age_years or 0.0, when.max_age_years
        age = age_years(study.identity, members[0].instance.attributes)
        holds = age is not None and age >= low and (high is None or age <= high)
        wanted = (
            say("{low} years or more", low=low) if high is None else say("{low} to {high} years", low=low, high=high)
        )
        yield Clause(say("age"), wanted, "" if age is None else say("{age} years", age=Decimal(f"{age:.1f}")), holds)
    if when.received_from is not None and when.received_until is not None:
        clock = study.received_first.astimezone(now.tzinfo).time()
        since, until = f"{when.received_from:%H:%M}", f"{when.received_until:%H:%M}"
        wanted = say("{since} to {until}", since=since, until=until)
        yield Clause(say("received"), wanted, f"{clock:%H:%M}", _within(clock, when.received_from, when.received_until))
    if when.max_study_age is not None:
        yield _study_age_clause(when.max_study_age, study, now)


def _study_age_clause(limit: timedelta, study: Study, now: datetime) -> Clause:
    try:
        made = datetime.strptime(study.identity.study_date, "%Y%m%d").replace(tzinfo=now.tzinfo)
    except ValueError:
        return Clause(
            say("study age"),
            say_many("at most {number} day", "at most {number} days", limit.days),
            say("no study date"),
            holds=False,
        )
    age = now - made
    return Clause(
        say("study age"),
        say_many("at most {number} day", "at most {number} days", limit.days),
        say_many("{number} day", "{number} days", age.days),
        age <= limit + timedelta(days=1),
    )


def _within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start <= end else clock >= start or clock < end


def _any_like(text: str, patterns: tuple[str, ...]) -> bool:
    like: Callable[[str], bool] = lambda pattern: fnmatch.fnmatchcase(text.casefold(), pattern.casefold())  # noqa: E731
    return not patterns or any(like(pattern) for pattern in patterns)
