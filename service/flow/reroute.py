"""Reroute: an operator has a study routed again, because a rule was corrected after it had been handed over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydicom.uid import UID

from service.domain.config import ConfigVersion
from service.domain.event import Event, EventKind
from service.domain.job import Job
from service.domain.lane import READ
from service.domain.rule import Match
from service.flow.route import jobs, readable, route, told, why_none
from service.flow.wake import wake
from service.flow.words import count
from service.ports.bell import Bell
from service.ports.clock import Clock
from service.ports.ledger import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Rerouted:
    """What came of it; `jobs` is None where nothing was routed, because images are still arriving."""

    version: int
    matches: tuple[Match, ...]
    jobs: tuple[Job, ...] | None

    @property
    def sentence(self) -> str:
        """In plain words, for the person who asked for it."""
        matched = [found.rule.name for found in self.matches if found.matched]
        if self.jobs is None:
            return "Images are still arriving: the study is routed by itself when it is complete."
        if self.jobs:
            names = ", ".join(f"{job.job_id} (rule {job.rule})" for job in self.jobs)
            return f"Version {self.version} takes the study; {count(len(self.jobs), 'job')} scheduled: {names}."
        if matched:
            return (
                f"Version {self.version} takes the study by rule {', '.join(matched)}, which has a job for it already; "
                "`preread jobs replay ID` reads it again."
            )
        return f"No rule of version {self.version} takes the study: {why_none(self.matches)}."


def reroute(
    study_instance_uid: UID, ledger: Ledger, version: ConfigVersion, *, by: str, clock: Clock, bell: Bell
) -> Rerouted | None:
    """Route what is there of a study under `version` and schedule the jobs that it lacks; None for an unknown study."""
    study = ledger.study(study_instance_uid)
    if study is None:
        return None
    now = clock.now()
    study = replace(study, instances=readable(study, version.configuration.rules))
    matches = route(study, version, now=now.astimezone(clock.zone))
    text = f"{by} routes the study again under version {version.number}"
    asked = Event(at=now, kind=EventKind.OPERATOR, text=text, study_instance_uid=study.study_instance_uid)
    events = (asked, *told(study, matches, version, now=now))
    made = ledger.route_again(study, jobs(matches, version, now=now), events, now=now)
    if made:
        wake(bell, READ)
    return Rerouted(version=version.number, matches=matches, jobs=None if made is None else tuple(made))
