"""Which rules read a study, and what is said of it in its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service.domain.config import ConfigVersion
from service.domain.event import Event, EventKind
from service.domain.rule import Match, Mode, Rule, match
from service.domain.sop import is_image
from service.domain.study import StoredInstance, Study
from service.flow.words import count
from service.ports.ledger import NewJob


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


def told(
    study: Study, matches: Sequence[Match], *, set_aside: Sequence[StoredInstance] = (), now: datetime
) -> tuple[Event, ...]:
    """The timeline's sentences about routing: what is read and what is not, what matched, or why nothing did."""
    assembled = f"complete: {count(len(study.instances), 'instance')} in {len(study.series())} series"
    if set_aside:
        classes = sorted({stored.instance.sop_class_uid.name for stored in set_aside})
        assembled += f"; {len(set_aside)} set aside, because no rule asks for {', '.join(classes)}"
    events = [_event(study, EventKind.ASSEMBLED, assembled, now)]
    for found in matches:
        if found.matched:
            shadow = ", in shadow: nothing is delivered" if found.rule.mode is Mode.SHADOW else ""
            text = f"rule {found.rule.name} matched {len(found.series)} series{shadow}"
            events.append(_event(study, EventKind.ROUTED, text, now))
    if not any(found.matched for found in matches):
        reasons = "; ".join(f"{found.rule.name} ({found.why_not})" for found in matches) or "there is no rule"
        events.append(_event(study, EventKind.UNMATCHED, f"no rule matches: {reasons}", now))
    return tuple(events)


def _event(study: Study, kind: EventKind, text: str, now: datetime) -> Event:
    return Event(at=now, kind=kind, text=text, study_instance_uid=study.study_instance_uid)
