"""Dry run: every rule held against one study, clause by clause, without doing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.config import ConfigVersion
from service.domain.rule import Clause, Match, Mode
from service.domain.said import say, say_as
from service.domain.study import Study
from service.flow.route import readable, route


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What one rule makes of a study; `clauses` are those of the series that came nearest."""

    match: Match
    clauses: tuple[Clause, ...]

    @property
    def would_take(self) -> bool:
        """Whether the rule takes at least one series, on or off."""
        return bool(self.match.series)

    @property
    def sentence(self) -> str:
        """In plain words what the rule makes of the study."""
        rule, count = self.match.rule, len(self.match.series)
        if self.match.matched:
            return say(
                "Rule “{rule}” takes {count} series ({mode}): protocol “{protocol}”.",
                rule=rule.name, count=count, mode=say_as("term", rule.mode), protocol=rule.protocol,
            )  # fmt: skip
        if rule.mode is Mode.OFF and self.would_take:
            return say("Rule “{rule}” would take {count} series, but it is off.", rule=rule.name, count=count)
        return say("Rule “{rule}” does not take it: {why}.", rule=rule.name, why=self.match.why_not)


def dry_run(study: Study, version: ConfigVersion, *, now: datetime) -> tuple[Trial, ...]:
    """Hold all rules of `version` against `study`, in order; `now` is aware, in the site's zone."""
    study = replace(study, instances=readable(study, version.configuration.rules))
    return tuple(_trial(found) for found in route(study, version, now=now))


def _trial(found: Match) -> Trial:
    nearest = min(found.verdicts, key=lambda verdict: len(verdict.failed), default=None)
    return Trial(match=found, clauses=nearest.clauses if nearest else ())
