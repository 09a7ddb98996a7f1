"""What `doctor` and `check` look at in an installation, each with the remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from service import bootstrap
from service.adapters.cards import installed_models
from service.domain.errors import Misconfigured, PrereadError, Unavailable
from service.domain.lane import FORWARD, READ
from service.embedded import orthanc, redis, triton
from service.embedded.folders import cache_folder
from service.embedded.missing import Missing
from service.flow.words import bare, count
from service.ports.catalogue import LaneDepth
from service.ports.models import ServedModel
from service.ports.services import Services
from service.settings import Settings

FRESH = timedelta(seconds=30)
LATE = timedelta(minutes=15)
EMBEDDED = "`preread up` starts the embedded one"
LATER = "studies are read all the same, a little later"
WORKERS = ("worker-deliver", "worker-read")
PROCESSES = ("scp", "sweep", "web", *WORKERS)


class Level(IntEnum):
    """As site monitors count: the worst is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was looked at."""

    name: str
    level: Level
    text: str
    remedy: str = ""


def ledger(services: Services) -> Probe:
    try:
        pending = services.ledger.pending()
    except PrereadError as error:
        return Probe("ledger", Level.CRITICAL, str(error), "start the database, or set `database`")
    if pending:
        return Probe(
            "ledger",
            Level.CRITICAL,
            "its tables are missing or older",
            "start `preread up` or `preread scp`, which bring them up to date",
        )
    return Probe("ledger", Level.OK, "reachable, tables of this version")


def configuration(services: Services) -> Probe:
    try:
        version = services.configurations.active()
    except Misconfigured as error:
        return Probe("configuration", Level.CRITICAL, str(error), "preread config apply FOLDER")
    found = version.configuration
    sizes = ((found.rules, "rule"), (found.sources, "source"), (found.destinations, "destination"))
    counts = ", ".join(count(len(things), noun) for things, noun in sizes)
    if not found.sources:
        return Probe("configuration", Level.WARNING, counts, "name who may send in nodes.toml")
    return Probe("configuration", Level.OK, f"version {version.number}: {counts}")


def broker(settings: Settings) -> Probe:
    if reason := bootstrap.broker_problem(settings):
        remedy = "start it, with maxmemory-policy noeviction" if settings.broker else f"{EMBEDDED}, or set `broker`"
        return Probe("broker", Level.WARNING, f"{reason}; {LATER}", remedy)
    return Probe("broker", Level.OK, "answers, and drops nothing (noeviction)")


def models(services: Services) -> Probe:
    state = services.models.state()
    if not state.ready:
        unloaded = (f"{model.name} is not loaded: {model.reason}" for model in state.models if model.reason)
        reason = state.reason or next(unloaded, "a model is not loaded")
        remedy = "start it" if services.settings.models.url else f"{EMBEDDED}, or set models.url"
        return Probe("models", Level.CRITICAL, reason, remedy)
    where = f" at {url}" if (url := services.settings.models.url) else ""
    return Probe("models", Level.OK, f"{state.engine}{where}: {', '.join(map(_served, state.models))}")


def _served(model: ServedModel) -> str:
    return f"{model.name} {model.version} on {model.provider or 'an execution provider that it did not name yet'}"


def verified(services: Services) -> Probe:
    """Models that are served, or would be, although nothing says that they answer as their makers' do."""
    doubtful = []
    for name in installed_models(services.settings.model_repositories):
        try:
            card = services.models.card(name)
        except Misconfigured as error:
            doubtful.append(f"{name}: {error}")
            continue
        if card.not_verified or card.override:
            served = f"served all the same: {card.override}" if card.override else "not served"
            doubtful.append(f"{name}: {card.not_verified or 'not verified'} ({served})")
    if doubtful:
        return Probe("verified models", Level.WARNING, "; ".join(doubtful), "preread models verify NAME")
    return Probe("verified models", Level.OK, "every model that writes was compared with its framework's")


def disk(services: Services) -> Probe:
    free = f"{services.spool.free_bytes() / 1e9:.1f} GB free"
    if not services.spool.has_room():
        return Probe(
            "disk", Level.CRITICAL, f"{free}: below the reserve, studies are refused", "free space under `data`"
        )
    return Probe("disk", Level.OK, free)


def processes(services: Services, *, broker: Level) -> Probe:
    """Who beat lately. Workers beat when they hear the broker, so its silence is theirs."""
    now = services.clock.now()
    alive = {beat.process for beat in services.ledger.beats() if now - beat.at < FRESH} | _busy(services)
    missing = [name for name in PROCESSES if name not in alive]
    unheard = [name for name in missing if name in WORKERS and broker is not Level.OK]
    silent = f"silent because the broker is away: {', '.join(unheard)}"
    if gone := [name for name in missing if name not in unheard]:
        text = f"not running: {', '.join(gone)}"
        return Probe("processes", Level.CRITICAL, f"{text}; {silent}" if unheard else text, "preread up")
    if unheard:
        return Probe("processes", Level.WARNING, silent, "start the broker; they are heard again within seconds")
    return Probe("processes", Level.OK, f"alive: {', '.join(sorted(alive))}")


def _busy(services: Services) -> set[str]:
    """Workers all of whose children work hear no pulse, but their leases tell of them."""
    working = [depth.lane for depth in services.catalogue.depths() if depth.working]
    return {f"worker-{'read' if lane == READ else 'deliver'}" for lane in working if not lane.startswith(FORWARD)}


def lanes(services: Services) -> Probe:
    """A first failure is no alarm: what fails is tried again, and only its age says that this does not help."""
    now, depths = services.clock.now(), services.catalogue.depths()
    if late := [depth for depth in depths if depth.oldest and now - depth.oldest > LATE]:
        text = "; ".join(_waits(depth, services.clock.zone) for depth in late)
        again = any(depth.retrying for depth in late)
        remedy = "`preread nodes echo` says whether the destination is there" if again else "see the operations page"
        return Probe("lanes", Level.WARNING, text, f"{remedy}; `preread deliveries list` what was answered")
    trying = [f"{depth.retrying} in {depth.lane}" for depth in depths if depth.retrying]
    tried = f"; tried again: {', '.join(trying)}" if trying else ""
    return Probe("lanes", Level.OK, f"nothing waits long{tried}")


def _waits(depth: LaneDepth, zone: ZoneInfo) -> str:
    since = f"{depth.oldest.astimezone(zone):%Y-%m-%d %H:%M} ({zone})" if depth.oldest else "just now"
    failed = f", {depth.retrying} of them failed and are tried again" if depth.retrying else ""
    return f"{depth.waiting} in {depth.lane} since {since}{failed}"


def audit(services: Services) -> Probe:
    """Walks the whole audit record and edit log: for a person who waits, not for a monitor."""
    if breaks := (*services.trail.breaks(), *services.edits.breaks()):
        text = f"{count(len(breaks), 'place')} where it was changed, cut or added to, first: {breaks[0]}"
        return Probe("audit", Level.CRITICAL, text, "keep the database as it is, and find out who could write to it")
    return Probe("audit", Level.OK, "every chain holds")


def destinations(services: Services) -> Probe:
    """Asks every destination whether it is there: for a person who waits, not for a monitor."""
    down = []
    for node in services.configurations.active().configuration.destinations:
        destination = services.nodes.destination(node)
        try:
            destination.echo()
        except Unavailable as error:
            down.append(f"{node.name}: {bare(str(error))}")
        finally:
            destination.close()
    if down:
        return Probe("destinations", Level.WARNING, "; ".join(down), "start it, or correct its URL in nodes.toml")
    return Probe("destinations", Level.OK, "all answer")


def embedded(settings: Settings) -> Iterator[Probe]:
    """What `up` and `demo` would start by themselves on this machine."""
    if not settings.broker:
        yield _embedded_redis()
    if not settings.models.url:
        reason = triton.why_not(triton.Host.here())
        text = f"{reason} The local engine takes over." if reason else "can run here"
        yield Probe("embedded Triton", Level.WARNING if reason else Level.OK, text)
    archive = orthanc.find()
    yield Probe("Orthanc", Level.OK, str(archive or "not installed; the demo keeps its results as files"))


def _embedded_redis() -> Probe:
    try:
        return Probe("embedded Redis", Level.OK, str(redis.find(cache_folder(os.environ), lambda text: None)))
    except Missing as missing:
        return Probe("embedded Redis", Level.CRITICAL, str(missing))
