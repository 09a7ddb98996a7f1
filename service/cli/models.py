"""`preread models`: what reads, what it is, and stopping it."""

from __future__ import annotations

import json as text_json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from service.adapters.cards import find_card, find_folder, installed_models
from service.adapters.configuration.toml import RULES, STOPPED
from service.cli import models_adapter, models_add, models_verify
from service.cli.installed import installed
from service.cli.recall import recall
from service.cli.show import AsJson, console, rows
from service.cli.trail import audit, operator
from service.domain.algorithm import Card
from service.domain.config import Configuration, StoppedModel
from service.domain.errors import Misconfigured
from service.domain.rule import Mode
from service.ports.models import ServedModel
from service.ports.services import Services
from workers.algorithms import model_of

app = typer.Typer(
    name="models",
    help="The models: what they are, and whether they may read.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("add")(models_add.add)
app.command("verify")(models_verify.verify)
app.command("recall")(recall)
app.add_typer(models_adapter.app)

COLUMNS = ("name", "version", "family", "verified", "licence", "provider", "served")
Name = Annotated[str, typer.Argument(help="The model's name, as `preread models list` tells it.")]


@app.command("list")
def show_all(context: typer.Context, json: AsJson = False) -> None:
    """Every model of the repositories, and whether the model server serves it."""
    services = installed(context)
    configuration = services.configurations.active().configuration
    served = {model.name: model for model in services.models.state().models if model.ready}
    names = sorted({*installed_models(services.settings.model_repositories), *served})
    found = [_row(name, services, served.get(name), configuration) for name in names]
    rows(found, COLUMNS, as_json=json, empty="no model")


@app.command()
def card(context: typer.Context, name: Name, json: AsJson = False) -> None:
    """All that a model's card says, with what was compared when it was verified."""
    found = find_card(name, context.obj.model_repositories)
    if json:
        print(text_json.dumps(asdict(found), default=str, ensure_ascii=False))
        return
    rows([{"what": what, "found": value} for what, value in _lines(found)], ("what", "found"), as_json=False)


@app.command()
def stop(
    context: typer.Context, name: Name, reason: Annotated[str, typer.Option(help="Why, for the record.")] = ""
) -> None:
    """Halt a model within seconds: it reads nothing more, and none of its results leave.

    Readings of its rules say "NOT ANALYSED BY AI" with the reason; its results that wait to be sent are held.
    """
    services = installed(context)
    digest = find_card(name, context.obj.model_repositories).algorithm.digest
    configuration = services.configurations.active().configuration
    if configuration.stop_of(name):
        raise Misconfigured(f"{name} is stopped already; `preread models start {name}` starts it")
    audit(services, f"model {name} (digest {digest[:16]}) stopped: {reason or 'no reason given'}")
    one = StoppedModel(model=name, digest=digest, by=operator(), reason=reason)
    _apply(services, (*configuration.stopped, one))
    console.print(f"{name} is stopped: it reads nothing more, and its results are held")


@app.command()
def start(context: typer.Context, name: Name) -> None:
    """Let a stopped model read again. Held results leave with `preread deliveries retry`."""
    services = installed(context)
    configuration = services.configurations.active().configuration
    if not configuration.stop_of(name):
        raise Misconfigured(f"{name} is not stopped")
    audit(services, f"model {name} started")
    _apply(services, tuple(one for one in configuration.stopped if one.model != name))
    console.print(f"{name} reads again; `preread deliveries list --state HELD` shows what it had waiting")


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Delete a model that `preread models add` made; refused while a rule names it."""
    services = installed(context)
    folder = find_folder(name, context.obj.model_repositories)
    if folder.parent != context.obj.own_models:
        raise Misconfigured(f"{name} lies in {folder.parent}, which is not ours to delete from: delete it yourself")
    if used := _rules_of(name, services.configurations.active().configuration):
        raise Misconfigured(
            f"{name} is named by {', '.join(used)} in {RULES}: take it out there, apply, and call again"
        )
    audit(services, f"model {name} removed from {folder}")
    going = folder.with_name(f".removing-{name}")
    folder.rename(going)  # whoever looks finds all of it or nothing
    shutil.rmtree(going)
    console.print(f"{name} is removed; a running model server keeps it until it is started again")


def _apply(services: Services, stopped: Sequence[StoppedModel]) -> None:
    texts = dict(services.configurations.active().texts)
    lines = [f"[[stopped]]\n{_table(asdict(one))}" for one in stopped]
    texts[STOPPED] = "# Written by `preread models stop`.\n" + "\n".join(lines)
    services.configurations.apply(texts, by=operator())


def _table(values: dict[str, Any]) -> str:
    return "".join(f"{key} = {text_json.dumps(value)}\n" for key, value in values.items())


def _rules_of(name: str, configuration: Configuration) -> list[str]:
    """The rules whose protocols ask the model, unless they are off."""
    protocols = {p.name for p in configuration.protocols if name in map(model_of, p.steps)}
    return [rule.name for rule in configuration.rules if rule.protocol in protocols and rule.mode is not Mode.OFF]


def _row(name: str, services: Services, served: ServedModel | None, configuration: Configuration) -> dict[str, object]:
    where = "yes" if served else "no"
    if one := configuration.stop_of(name):
        where = f"STOPPED by {one.by}"
    try:
        card = find_card(name, services.settings.model_repositories)
    except Misconfigured as error:
        return {"name": name, "verified": f"NO: {error}", "served": where}
    return {
        "name": name,
        "version": card.algorithm.version,
        "family": card.family,
        "verified": verified_words(card),
        "licence": card.licence or "not stated",
        "provider": served.provider if served else "",
        "served": where,
        "digest": card.algorithm.digest,
    }


def verified_words(card: Card) -> str:
    """Whether the model answers as its framework's, in a cell's words."""
    if card.image:
        return "not compared: it writes nothing"
    if not card.not_verified and not card.override:
        return "yes"
    return f"NO: {card.not_verified or 'not compared'}" + (f"; OVERRIDDEN: {card.override}" if card.override else "")


def _lines(card: Card) -> list[tuple[str, object]]:
    algorithm, limits = card.algorithm, card.limits
    told: list[tuple[str, object]] = [
        ("name", algorithm.name),
        ("version", algorithm.version),
        ("made by", algorithm.manufacturer),
        ("family", card.family),
        ("source", card.source),
        ("licence", card.licence or "not stated"),
        ("intended use", card.intended_use),
        ("verified", verified_words(card)),
        ("digest", algorithm.digest),
        ("Device UID", algorithm.device_uid),
        ("memory, MB", card.memory_mb),
        *([("its answers at most, MB", card.answers.words)] if card.answers else []),
        *[("not exact", sentence) for sentence in card.inexact],
        *[(f"adapter {one.name}", one.words) for one in card.adapters.values()],
    ]
    told += [(f"reads: {what}", ", ".join(map(str, value)) if isinstance(value, tuple) else value)
             for what, value in asdict(limits).items() if value not in ((), None)]  # fmt: skip
    if card.image:
        told.append(("task", card.image.task))
        told += [(f"class {c.name}", f"{c.concept.meaning}, from {c.threshold:g} on") for c in card.image.classes]
    return told + list(card.evaluation.items())
