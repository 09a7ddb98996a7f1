"""Health: what the vitals mean. Ready is what a load balancer asks; concerns are what a person should know."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.said import say, say_many
from service.flow.sweep import SILENT_PROCESS
from service.flow.words import span
from service.ports.ledger import Beat
from service.web.pulse import Vitals
from service.web.words import size


@dataclass(frozen=True, kw_only=True, slots=True)
class Concern:
    """One thing that is not as it should be."""

    level: str
    """bad: the service cannot do its work; warn: it works, but something needs a look."""
    text: str
    href: str


def ready(vitals: Vitals) -> bool:
    """Whether requests make sense here: ledger reachable, migrations done, disk above its reserve."""
    return not vitals.ledger and vitals.migrated and vitals.disk_room


def state(vitals: Vitals) -> str:
    """not ready, degraded or ready."""
    if not ready(vitals):
        return "not ready"
    return "ready" if vitals.server.ready and vitals.broker else "degraded"


def concerns(vitals: Vitals) -> tuple[Concern, ...]:
    """What is wrong with the house, the worst first."""
    return (*_broken(vitals), *_worth_a_look(vitals))


def owed_by_people(vitals: Vitals) -> tuple[Concern, ...]:
    """What waits for a person and for nothing else."""
    jobs, deliveries = len(vitals.failed_jobs), len(vitals.stuck_deliveries)
    found = []
    if jobs:
        text = say_many(
            "{number} reading given up; a person has to look.",
            "{number} readings given up; a person has to look.",
            jobs,
        )
        found.append((text, "/jobs"))
    if deliveries:
        text = say_many(
            "{number} delivery held, refused or expired; a person has to look.",
            "{number} deliveries held, refused or expired; a person has to look.",
            deliveries,
        )
        found.append((text, "/deliveries"))
    return tuple(Concern(level="warn", text=text, href=href) for text, href in found)


def silent(beat: Beat, vitals: Vitals) -> bool:
    """Whether a process has not been heard for too long."""
    return vitals.at - beat.at > SILENT_PROCESS


def _broken(vitals: Vitals) -> list[Concern]:
    found = []
    if vitals.ledger:
        found.append(say("The ledger cannot be read: {why}.", why=vitals.ledger))
    if not vitals.disk_room:
        found.append(
            say(
                "The disk is below its reserve: {free} free. New studies are refused until it has room.",
                free=size(vitals.disk_free),
            )
        )
    if not vitals.server.ready:
        why = vitals.server.reason
        found.append(
            say("The model server is not ready ({why}). Studies are kept and wait.", why=why)
            if why
            else say("The model server is not ready. Studies are kept and wait.")
        )
    return [Concern(level="bad", text=text, href="/operations") for text in found]


def _worth_a_look(vitals: Vitals) -> list[Concern]:
    found: list[tuple[str, str]] = []
    if not vitals.broker:
        found.append(
            (say("The broker does not answer; the sweep goes on with the work, a little slower."), "/operations")
        )
    if vitals.config_version is None and not vitals.ledger:
        found.append((say("No rules were applied yet, so nothing is read: “preread config apply”."), "/configuration"))
    found += [
        (say("{node} is down: {answer}.", node=node.name, answer=node.answer), "/operations#nodes")
        for node in vitals.nodes
        if node.state == "down"
    ]
    found += [(_quiet(beat, vitals), "/operations#processes") for beat in vitals.beats if silent(beat, vitals)]
    return [Concern(level="warn", text=text, href=href) for text, href in found]


def _quiet(beat: Beat, vitals: Vitals) -> str:
    return say(
        "Process {process} on {host} has been silent for {time}.",
        process=beat.process,
        host=beat.host,
        time=span(vitals.at - beat.at),
    )
