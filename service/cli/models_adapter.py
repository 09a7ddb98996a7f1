"""`preread models adapter`: LoRA adapters of a model, each verified before it answers."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from service.adapters.cards import find_card, find_folder, newest_version, read_adapters
from service.adapters.exporter import NEEDED_FOR_ADAPTERS, export, find_python
from service.cli.checkpoints import HUB_ID, MERGED, digest_of, licence_of, say
from service.cli.golden_frame import write_frame
from service.cli.installed import installed
from service.cli.models_add import NAME, pythons
from service.cli.show import AsJson, console, rows
from service.cli.trail import audit, operator
from service.domain.algorithm import AdapterCard
from service.domain.errors import Misconfigured
from service.settings import Settings

app = typer.Typer(
    name="adapter", help="LoRA adapters of a model, as PEFT saves them.", no_args_is_help=True, add_completion=False
)
COLUMNS = ("model", "name", "verified", "licence", "trained on", "digest")
SOURCE = re.compile(r"(?:folder (?P<folder>.+)|.+?/(?P<hub>[\w.-]+/[\w.-]+) at (?P<commit>[0-9a-f]{40})), files "
                    r"sha256:(?P<digest>[0-9a-f]{64})")  # fmt: skip
Model = Annotated[str, typer.Argument(help="The model's name, as `preread models list` tells it.")]
Adapter = Annotated[str, typer.Argument(help="The adapter's name.")]


@app.command()
def add(
    context: typer.Context,
    model: Model,
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Its folder, as PEFT saves it.")],
    name: Annotated[str, typer.Option(help="Its name here: lower case, digits, underscores.")],
    base: Annotated[Path | None, typer.Option(help="The model's checkpoint, where it lies elsewhere by now.")] = None,
    digest: Annotated[str, typer.Option(help="SHA-256 that the adapter's files must have, as `add` tells it.")] = "",
    licence: Annotated[str, typer.Option(help="Its licence, where its README names none.")] = "",
    python: Annotated[Path | None, typer.Option(help="A Python with the extra `export`.")] = None,
    override: Annotated[str, typer.Option(help="Serve it although it differs; the reason shows everywhere.")] = "",
) -> None:  # fmt: skip
    """Make an adapter ready for a model, compare both with the framework's, and keep it if they are the same.

    The model itself stays as it is. A question, or a protocol's step, names the adapter; nothing is loaded anew for it.
    """
    services = installed(context)
    settings: Settings = context.obj
    place = _own(model, settings)
    if not NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is no name for an adapter: lower case letters, digits and underscores")
    if name in read_adapters(place):
        raise Misconfigured(f"{model} has an adapter {name} already: choose another name, or remove that one")
    found = digest_of(folder)
    if digest and digest.removeprefix("sha256:") != found:
        raise Misconfigured(f"the adapter's files have digest sha256:{found}, not the one that was asked for")
    chosen = find_python(pythons(python, settings), needed=NEEDED_FOR_ADAPTERS)
    source = find_card(model, settings.model_repositories).source
    check_base(folder, source, model)
    checkpoint = base_of(source, base, model, settings)
    audit(services, f"adapter {name} added to model {model} (sha256:{found[:16]})"
                    + (f", override: {override}" if override else ""))  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="preread-adapter-") as temporary:
        frame = write_frame(Path(temporary), newest_version(place) / "goldens" / "image.dcm")
        job = {
            "model": str(place.absolute()),
            "checkpoint": str(checkpoint.absolute()),
            "adapter": str(folder.absolute()),
            "name": name,
            "licence": licence or licence_of(folder),
            "source": f"folder {folder.absolute()}, files sha256:{found}",
            "frame": str(frame or ""),
            "override": f"{override} ({operator()})" if override else "",
        }
        script = settings.model_repositories[-1] / "export" / "main.py"
        record = export(chosen, script, {"name": f"{model} with {name}", "adapter_of": job}, say=say)
    same = f"{record['tokens_identical']} of {record['tokens']} greedy tokens are the framework's"
    how = "is added UNVERIFIED" if record["differences"] else "is added and verified"
    console.print(f"{model} with {name} {how} ({same}; files sha256:{found})")
    if not job["licence"]:
        console.print(
            "no licence was found: rules whose protocols name it can be in shadow only; say it with --licence"
        )
    console.print(
        f'a protocol\'s step names it with adapter = "{name}"; the model server takes it from its next start on'
    )


@app.command("list")
def show_all(
    context: typer.Context, model: Annotated[str, typer.Argument(help="Of one model alone.")] = "", json: AsJson = False
) -> None:
    """Every adapter of a model, or of all models."""
    settings: Settings = context.obj
    folders = [find_folder(model, settings.model_repositories)] if model else [
        card.parent for repository in settings.model_repositories for card in sorted(repository.glob("*/card.toml"))
    ]  # fmt: skip
    found = [_row(folder.name, one) for folder in folders for one in read_adapters(folder).values()]
    rows(found, COLUMNS, as_json=json, empty="no adapter")


@app.command()
def remove(context: typer.Context, model: Model, name: Adapter) -> None:
    """Delete an adapter; refused while a rule's protocol names it."""
    services = installed(context)
    folder = _own(model, context.obj)
    if name not in read_adapters(folder):
        raise Misconfigured(f"{model} has no adapter {name}; `preread models adapter list {model}` names those it has")
    configuration = services.configurations.active().configuration
    named = [p.name for p in configuration.protocols if any(step.adapter == name for step in p.steps)]
    if named:
        raise Misconfigured(f"{name} is named by the protocol {', '.join(named)}: take it out there, apply, call again")
    audit(services, f"adapter {name} removed from model {model}")
    for ending in ("onnx_adapter", "json"):  # what has no record is not served, what has no file is not there
        (newest_version(folder) / "adapters" / f"{name}.{ending}").unlink(missing_ok=True)
    console.print(f"{name} is removed; a running model server keeps it until it is started again")


def base_of(source: str, given: Path | None, model: str, settings: Settings) -> Path:
    """The checkpoint that the model's card names. Raises Misconfigured where its files are not there or are others."""
    if MERGED in source:
        raise Misconfigured(f"{model} has an adapter in its weights already: add this one to a model of its base alone")
    told = SOURCE.fullmatch(source)
    if told is None:
        raise Misconfigured(
            f"the card of {model} names no checkpoint ({source!r}): add it by `preread models add` first"
        )
    kept = settings.data / "checkpoints" / str(told["hub"]).replace("/", "--") / str(told["commit"])
    folder = given or (Path(told["folder"]) if told["folder"] else kept)
    if not folder.is_dir():
        raise Misconfigured(f"{folder}, of which {model} was made, is not there any more: name its place with --base")
    if digest_of(folder) != told["digest"]:
        raise Misconfigured(
            f"{folder} has other files than {model} was made of (sha256:{told['digest']}): name that one with --base"
        )
    return folder


def check_base(folder: Path, source: str, model: str) -> None:
    """Raise Misconfigured for an adapter that says itself that it was trained on another model of the hub."""
    told = SOURCE.fullmatch(source)
    known = told["hub"] if told else None
    try:
        named = str(
            json.loads((folder / "adapter_config.json").read_text("utf-8")).get("base_model_name_or_path") or ""
        )
    except (OSError, ValueError, AttributeError):
        return  # the export says what is wrong with it
    if known and HUB_ID.fullmatch(named) and named.lower() != known.lower():
        raise Misconfigured(
            f"the adapter says that it was trained on {named}, and {model} is {known}: add the model that it is of; "
            "where both are the same weights, correct base_model_name_or_path in a copy of its adapter_config.json"
        )


def _own(model: str, settings: Settings) -> Path:
    folder = find_folder(model, settings.model_repositories)
    if folder.parent != settings.own_models:
        raise Misconfigured(
            f"{model} lies in {folder.parent}, which is not ours to change: add it by `preread models add`"
        )
    return folder


def _row(model: str, card: AdapterCard) -> dict[str, Any]:
    told = "yes" if not card.not_verified else f"NO: {card.not_verified}"
    return {
        "model": model,
        "name": card.name,
        "verified": told + (f"; OVERRIDDEN: {card.override}" if card.override else ""),
        "licence": card.licence or "not stated",
        "trained on": card.trained_on or "not stated",
        "digest": card.digest,
    }
