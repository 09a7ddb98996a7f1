"""Pulse: one look at everything that moves, shared by every page, stream and scrape for a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from service.domain.errors import Misconfigured, Unavailable
from service.domain.event import Event
from service.domain.job import JobState
from service.domain.said import say
from service.flow.explain import STUCK, needs_person
from service.ports.catalogue import DeliveryRecord, JobRecord, LaneDepth, StageTimes
from service.ports.ledger import Beat
from service.ports.models import ServerState
from service.web.nodewatch import NodeState, NodeWatch
from service.web.services import Services

FRESH = timedelta(seconds=1)
SHARE = 50
"""Totals are counted again when they are as many times as old as counting them took: at most 2 % of the time."""
STALE = timedelta(minutes=1)
"""However long it takes, totals are no older."""
WINDOW = timedelta(hours=1)
"""Over which p50 and p95 are taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """What the operations page, health and metrics show, read at one instant."""

    at: datetime
    server: ServerState
    broker: bool
    disk_free: int
    disk_reserve: int
    disk_room: bool
    ledger: str = ""
    """Why the ledger could not be read; empty if it could."""
    migrated: bool = False
    arriving: int = 0
    lanes: tuple[LaneDepth, ...] = ()
    stages: tuple[StageTimes, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    failed_jobs: tuple[JobRecord, ...] = ()
    stuck_deliveries: tuple[DeliveryRecord, ...] = ()
    beats: tuple[Beat, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    events: tuple[Event, ...] = ()
    config_version: int | None = None


class Pulse:
    """Reads the vitals at most once a second, however many look. Thread-safe."""

    def __init__(self, services: Services, watch: NodeWatch, *, stopwatch: Callable[[], float] = monotonic) -> None:
        self._services, self._watch, self._stopwatch = services, watch, stopwatch
        self._lock = Lock()
        self._last: Vitals | None = None
        self._totals: Mapping[str, int] = {}
        self._good_until: datetime | None = None

    def read(self) -> Vitals:
        """The vitals, at most a second old; never raises for a part that is away. Blocking.

        While somebody looks, which takes long if a part is slow, the others see what was seen last.
        """
        seen, now = self._last, self._services.clock.now()
        if seen is not None and timedelta() <= now - seen.at < FRESH:
            return seen
        if not self._lock.acquire(blocking=seen is None):
            assert seen is not None, "who has seen nothing waits for the lock"
            return seen
        try:
            if self._last is None or self._last is seen:
                self._last = self._look(now)
            return self._last
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Look anew at the next read: something was just changed."""
        self._last = None

    def _counts(self, now: datetime) -> tuple[tuple[str, int], ...]:
        """Totals, which may be a little old, and how many studies need a person now."""
        catalogue = self._services.catalogue
        if self._good_until is None or not timedelta() <= self._good_until - now <= STALE:
            began = self._stopwatch()
            self._totals = catalogue.counts()
            self._good_until = now + min(STALE, SHARE * timedelta(seconds=self._stopwatch() - began))
        return tuple(sorted({**self._totals, "studies in attention": catalogue.attention()}.items()))

    def _look(self, now: datetime) -> Vitals:
        services = self._services
        outside = Vitals(
            at=now,
            server=services.models.state(),
            broker=services.broker_answers(),
            disk_free=services.disk.free_bytes(),
            disk_reserve=services.settings.disk_reserve_bytes,
            disk_room=services.disk.has_room(),
        )
        try:
            return self._inside(outside)
        except Unavailable as error:
            return replace(outside, ledger=str(error) or say("no answer"))

    def _inside(self, outside: Vitals) -> Vitals:
        services = self._services
        if not services.migrated():
            return replace(outside, ledger=say("its tables are those of another version; run “preread migrate”"))
        catalogue = services.catalogue
        recent = {record.job.job_id: record for record in catalogue.jobs(limit=200)}
        canceled = catalogue.jobs(state=JobState.CANCELED, limit=50)
        failed = needs_person({**recent, **{record.job.job_id: record for record in canceled}}.values())
        return replace(
            outside,
            migrated=True,
            arriving=len(services.ledger.open_studies()),
            lanes=tuple(catalogue.depths()),
            stages=tuple(catalogue.stage_times(window=WINDOW, now=outside.at)),
            counts=self._counts(outside.at),
            failed_jobs=failed,
            stuck_deliveries=tuple(catalogue.deliveries(states=STUCK, limit=50)),
            beats=_newest(services.ledger.beats()),
            nodes=self._watch.states(),
            events=tuple(catalogue.recent_events(limit=40)),
            config_version=self._version(),
        )

    def _version(self) -> int | None:
        try:
            return self._services.configurations.active().number
        except Misconfigured:
            return None


def _newest(beats: Iterable[Beat]) -> tuple[Beat, ...]:
    """One beat for each process of each host: a process that was restarted is not silent."""
    found: dict[tuple[str, str], Beat] = {}
    for beat in sorted(beats, key=lambda beat: beat.at):
        found[beat.process, beat.host] = beat
    return tuple(found[key] for key in sorted(found))
