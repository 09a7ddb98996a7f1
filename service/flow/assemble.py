"""Hand over studies that are complete: freeze a manifest, route it, schedule its jobs."""

from __future__ import annotations

from dataclasses import replace

import structlog
from pydicom.uid import UID

from service.domain.assembly import Patience, complete
from service.domain.config import ConfigVersion
from service.domain.errors import Unavailable
from service.domain.lane import READ
from service.domain.study import Manifest
from service.flow.route import assembled, jobs, readable, route, told
from service.flow.wake import wake
from service.ports.bell import Bell
from service.ports.clock import Clock
from service.ports.ledger import Ledger

log = structlog.get_logger("preread.assemble")


def assemble(ledger: Ledger, version: ConfigVersion, *, clock: Clock, bell: Bell) -> int:
    """Hand over every study that its source's patience calls complete; returns how many."""
    handed = 0
    for waiting in ledger.open_studies():
        source = version.configuration.source(waiting.source)
        patience = source.patience if source else Patience()
        if complete(waiting.arrival, patience, now=clock.now()):
            handed += _one_of_many(waiting.study_instance_uid, ledger, version, clock=clock, bell=bell)
    return handed


def _one_of_many(uid: UID, ledger: Ledger, version: ConfigVersion, *, clock: Clock, bell: Bell) -> bool:
    """Hand over one study; whatever is wrong with it must not stop the others."""
    try:
        return hand_over(uid, ledger, version, clock=clock, bell=bell) is not None
    except Unavailable:
        raise
    except Exception:  # boundary: a study that nobody foresaw waits for a person, the others do not wait for it
        log.exception("study cannot be handed over", study=uid)
        return False


def hand_over(
    study_instance_uid: UID, ledger: Ledger, version: ConfigVersion, *, clock: Clock, bell: Bell
) -> Manifest | None:
    """Freeze what is there of one study and schedule its jobs; None if it changed meanwhile."""
    study = ledger.study(study_instance_uid)
    if study is None:
        return None
    now = clock.now()
    read = readable(study, version.configuration.rules)
    set_aside = [stored for stored in study.instances if stored not in read]
    study = replace(study, instances=read)
    matches = route(study, version, now=now.astimezone(clock.zone))
    events = [assembled(study, set_aside=set_aside, now=now), *told(study, matches, version, now=now)]
    manifest = ledger.hand_over(study, jobs(matches, version, now=now), events, now=now)
    if manifest is not None:
        wake(bell, READ)
    return manifest
