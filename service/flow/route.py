"""Which rules read a study, and what is said of it in its timeline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from service.domain.config import ConfigVersion
from service.domain.event import Event, EventKind
from service.domain.rule import Match, Mode, Rule, match
from service.domain.sop import is_image
from service.domain.study import StoredInstance, Study
from service.flow.words import count
from service.ports.ledger import NewJob

_UNMATCHED = re.compile(r"no rule of version (\d+) matches: (.*)", re.DOTALL)


def readable(study: Study, rules: Sequence[Rule]) -> tuple[StoredInstance, ...]:
    """The instances that a manifest freezes: images, and classes that a rule asks for by name.

    A study with none of these keeps all it has, so that "no rule matches" can be said of it.
    """
    asked = {uid for rule in rules for uid in rule.when.sop_class}
    wanted = tuple(
        stored
        for stored in study.instances
        if is_image(stored.instance.sop_class_uid) or stored.instance.sop_class_uid in asked
    )
    return wanted or study.instances


def route(study: Study, version: ConfigVersion, *, now: datetime) -> tuple[Match, ...]:
    """Every rule of the active configuration held against `study`; `now` in the site's zone."""
    return tuple(match(rule, study, now=now) for rule in version.configuration.rules)


def jobs(matches: Sequence[Match], version: ConfigVersion, *, now: datetime) -> tuple[NewJob, ...]:
    """One job per rule that matched."""
    return tuple(
        NewJob(
            protocol=found.rule.protocol,
            rule=found.rule.name,
            config_version=version.number,
            mode=found.rule.mode,
            priority=found.rule.priority,
            deadline=now + found.rule.deadline,
        )
        for found in matches
        if found.matched
    )


def assembled(study: Study, *, set_aside: Sequence[StoredInstance], now: datetime) -> Event:
    """The timeline's sentence about a new manifest: what is read and what is not."""
    text = f"complete: {count(len(study.instances), 'instance')} in {len(study.series())} series"
    if study.rejected:
        text += f"; {count(study.rejected, 'image')} left out, because a rejection note names "
        text += "it" if study.rejected == 1 else "them"
    if set_aside:
        classes = sorted({stored.instance.sop_class_uid.name for stored in set_aside})
        text += f"; {len(set_aside)} set aside, because no rule asks for {', '.join(classes)}"
    return _event(study, EventKind.ASSEMBLED, text, now)


def told(study: Study, matches: Sequence[Match], version: ConfigVersion, *, now: datetime) -> tuple[Event, ...]:
    """The timeline's sentences about routing: which rules of `version` matched, or why none did."""
    events = []
    for found in matches:
        if found.matched:
            shadow = ", in shadow: nothing is delivered" if found.rule.mode is Mode.SHADOW else ""
            text = f"rule {found.rule.name} matched {len(found.series)} series{shadow}"
            events.append(_event(study, EventKind.ROUTED, text, now))
    if not any(found.matched for found in matches):
        text = f"no rule of version {version.number} matches: {why_none(matches)}"
        events.append(_event(study, EventKind.UNMATCHED, text, now))
    return tuple(events)


def why_none(matches: Sequence[Match]) -> str:
    """Which clause of each rule failed; no sentence yet."""
    return "; ".join(f"{found.rule.name} ({found.why_not})" for found in matches) or "there is no rule"


def routed_under(events: Sequence[Event]) -> tuple[int, str] | None:
    """Version and reasons that `told` named last where no rule matched; None if it told nothing of the kind."""
    unmatched = [event.text for event in events if event.kind is EventKind.UNMATCHED]
    found = _UNMATCHED.fullmatch(unmatched[-1]) if unmatched else None
    return (int(found[1]), found[2]) if found else None


def _event(study: Study, kind: EventKind, text: str, now: datetime) -> Event:
    return Event(at=now, kind=kind, text=text, study_instance_uid=study.study_instance_uid)
