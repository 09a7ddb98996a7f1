"""Health: what the vitals mean. Ready is what a load balancer asks; concerns are what a person should know."""

from __future__ import annotations

from dataclasses import dataclass

from service.flow.sweep import SILENT_PROCESS
from service.flow.words import count, span
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
        found.append((f"{count(jobs, 'reading')} given up; a person has to look.", "/jobs"))
    if deliveries:
        text = f"{count(deliveries, 'delivery', 'deliveries')} held, refused or expired; a person has to look."
        found.append((text, "/deliveries"))
    return tuple(Concern(level="warn", text=text, href=href) for text, href in found)


def silent(beat: Beat, vitals: Vitals) -> bool:
    """Whether a process has not been heard for too long."""
    return vitals.at - beat.at > SILENT_PROCESS


def _broken(vitals: Vitals) -> list[Concern]:
    found = []
    if vitals.ledger:
        found.append(f"The ledger cannot be read: {vitals.ledger}.")
    if not vitals.disk_room:
        found.append(
            f"The disk is below its reserve: {size(vitals.disk_free)} free. New studies are refused until it has room."
        )
    if not vitals.server.ready:
        reason = f" ({vitals.server.reason})" if vitals.server.reason else ""
        found.append(f"The model server is not ready{reason}. Studies are kept and wait.")
    return [Concern(level="bad", text=text, href="/operations") for text in found]


def _worth_a_look(vitals: Vitals) -> list[Concern]:
    found = []
    if not vitals.broker:
        found.append(("The broker does not answer; the sweep goes on with the work, a little slower.", "/operations"))
    if vitals.config_version is None and not vitals.ledger:
        found.append(("No rules were applied yet, so nothing is read: “preread config apply”.", "/configuration"))
    found += [
        (f"{node.name} is down: {node.answer}.", "/operations#nodes") for node in vitals.nodes if node.state == "down"
    ]
    found += [(_quiet(beat, vitals), "/operations#processes") for beat in vitals.beats if silent(beat, vitals)]
    return [Concern(level="warn", text=text, href=href) for text, href in found]


def _quiet(beat: Beat, vitals: Vitals) -> str:
    return f"Process {beat.process} on {beat.host} has been silent for {span(vitals.at - beat.at)}."
