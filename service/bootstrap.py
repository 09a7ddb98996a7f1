"""The only place where ports meet adapters: Settings in, Services out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from dicom_nodes.destinations import check_destination, schemes
from dicom_nodes.nodes import ConfiguredNodes, KeptNodes
from dicom_nodes.objects import encoders
from dicom_nodes.objects.rejection_note import RejectionNotes
from dicom_nodes.sources import PriorSources
from service.adapters.accounts_sql import SqlAccounts
from service.adapters.audit_chain import ChainedAudit
from service.adapters.cards import find_card
from service.adapters.configuration import StoredConfigurations
from service.adapters.configuration.store import Installed
from service.adapters.differential.toml import TomlDifferentials
from service.adapters.dismissals_sql import SqlDismissals
from service.adapters.edit_chain import ChainedEdits
from service.adapters.ledger import SqlLedger
from service.adapters.ledger.counting import SqlCounting
from service.adapters.part10 import Part10Headers
from service.adapters.pixels_pydicom import PydicomPixels
from service.adapters.spool_files import FileSpool
from service.adapters.templates.shelf import TemplateShelf
from service.adapters.viewing_pydicom import PydicomViewing
from service.domain.algorithm import unlicensed
from service.domain.errors import Misconfigured
from service.domain.prior import PriorNode
from service.domain.protocol import ANY_MODEL, ProtocolStep, StepKind
from service.ports.bell import Bell, SilentBell
from service.ports.clock import SystemClock
from service.ports.models import Models
from service.ports.orders import NoOrders
from service.ports.services import Services
from service.settings import Scp, Settings
from workers.algorithms import algorithms, model_of
from workers.measures import measures
from workers.pipeline.exhibits import KeptExhibits
from workers.pipeline.prompt import ProtocolPrompts

LOCAL = "unix:"
"""Prefix of models.url for the local engine's socket."""


def build(settings: Settings, *, process: str, bell: Bell | None = None) -> Services:
    """Wire every port for one process. Opens nothing: connections open on first use, after any fork.

    Raises Misconfigured where a setting cannot work.
    """
    clock = SystemClock(_zone(settings.site.zone))
    ledger = SqlLedger(_database(settings), site=settings.site.name)
    spool = FileSpool(settings.data / "spool", reserve_bytes=settings.disk_reserve_bytes)
    nodes = ConfiguredNodes(calling_ae=settings.scp.ae_title, opener=spool.open)
    models = _models(settings)
    pixels = PydicomPixels(spool.open)
    configurations = StoredConfigurations(ledger, plug_ins(settings))
    audit = ChainedAudit(ledger.database, site=settings.site.name, process=process)
    return Services(
        settings=settings,
        clock=clock,
        ledger=ledger,
        catalogue=ledger,
        spool=spool,
        headers=Part10Headers(),
        pixels=pixels,
        viewing=PydicomViewing(spool.open),
        models=models,
        bell=bell or _bell(settings),
        configurations=configurations,
        nodes=nodes,
        peers=KeptNodes(nodes),
        accounts=SqlAccounts(ledger.database, site=settings.site.name, now=clock.now),
        audit=audit,
        trail=audit,
        dismissals=SqlDismissals(ledger.database, site=settings.site.name),
        edits=ChainedEdits(ledger.database, site=settings.site.name, process=process),
        signing=ledger,
        counts=SqlCounting(ledger.database, settings.site.name),
        returning=ledger,
        orders=NoOrders(),
        notes=RejectionNotes(settings.site, settings.device_uid),
        priors=PriorSources(settings.scp),
        exhibits=KeptExhibits(),
        prompts=ProtocolPrompts(configurations, models, pixels),
        templates=TemplateShelf(settings.own_templates),
        differentials=TomlDifferentials(settings.own_differential),
    )


def builder(settings: Settings, *, process: str) -> partial[Services]:
    """`build` with its arguments, for a process that builds after its fork."""
    return partial(build, settings, process=process)


def silent(settings: Settings, *, process: str) -> Services:
    """Services without a broker: `preread run` and the sweep that drains by itself."""
    return build(settings, process=process, bell=SilentBell())


def plug_ins(settings: Settings) -> Installed:
    """What a configuration may name here: algorithms, models, outputs, schemes and URLs of destinations; and, by the
    models' cards, what of it may be delivered."""
    return Installed(
        algorithms=(*algorithms(), *measures(), ANY_MODEL),
        outputs=tuple(encoders()),
        schemes=tuple(schemes()),
        check_destination=check_destination,
        check_step=partial(_check_step, settings.model_repositories),
        check_priors=partial(_check_priors, settings.scp),
        not_for_delivery=partial(_not_for_delivery, settings.model_repositories),
    )


def _check_step(repositories: tuple[Path, ...], step: ProtocolStep) -> None:
    """Raise Misconfigured for a step whose model is in no repository or does something else, or that has nothing to
    compare with."""
    if step.kind is StepKind.COMPARE and step.algorithm not in algorithms():
        known = ", ".join(algorithms())
        raise Misconfigured(f"{step.algorithm} reads no earlier study: name one of {known} in a step that compares")
    if step.adapter:
        _check_adapter(repositories, step)
    if not step.model:
        return
    model = find_card(step.model, repositories).image
    if model is None or model.task.kind is not step.kind:
        does = f"does {model.task}: its step is of kind {model.task.kind}" if model else "reads no images"
        raise Misconfigured(f"model {step.model} {does}")


def _check_adapter(repositories: tuple[Path, ...], step: ProtocolStep) -> None:
    """Raise Misconfigured for an adapter that the step's model has not, or does not answer with."""
    name = model_of(step)
    if not name or step.kind not in (StepKind.DRAFT, StepKind.CHECK, StepKind.COMPARE):
        raise Misconfigured(f"a step of kind {step.kind} takes no adapter: only models that write text have some")
    known = find_card(name, repositories).adapters
    if step.adapter not in known:
        there = ", ".join(known) or "none"
        raise Misconfigured(f"model {name} has no adapter {step.adapter}; it has {there}: `preread models adapter add`")
    if (card := known[step.adapter]).not_verified and not card.override:
        raise Misconfigured(f"adapter {step.adapter} of {name} is not served: {card.not_verified}")


def _check_priors(scp: Scp, node: PriorNode) -> None:
    """Raise Misconfigured for an archive that cannot be asked; nothing is connected."""
    PriorSources(scp).source(node)


def _not_for_delivery(repositories: tuple[Path, ...], step: ProtocolStep) -> str | None:
    """Why results of the step's model may not leave. A model that is not here yet is looked at when it reads."""
    model = model_of(step)
    try:
        return unlicensed(find_card(model, repositories), step.adapter) if model else None
    except Misconfigured:
        return None


def broker_problem(settings: Settings) -> str | None:
    """Why the broker cannot be used, in words; None if it can."""
    from service.adapters import broker  # redis-py is loaded only where it is spoken

    return broker.problem(settings.broker_url)


def _bell(settings: Settings) -> Bell:
    from service.adapters.bell_celery import CeleryBell, celery_app  # a verb that rings nobody needs no Celery

    return CeleryBell(celery_app(settings.broker_url))


def _models(settings: Settings) -> Models:
    url, repositories = settings.models.url, settings.model_repositories
    if url.startswith(LOCAL):
        from service.adapters.models_local import LocalModels

        return LocalModels(url.removeprefix(LOCAL), repositories)
    from service.adapters.models_triton import TritonModels  # gRPC is loaded only where it is spoken

    return TritonModels(url or "127.0.0.1:8001", repositories)


def _database(settings: Settings) -> str:
    url = settings.database_url
    if "://" not in url:
        raise Misconfigured("`database` is no URL; write postgresql+pg8000://USER:PASSWORD@HOST/NAME, or nothing")
    return url


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Misconfigured(f'site.zone {name!r} is no time zone; write one like "Europe/Berlin"') from error
