"""`preread models add`: a checkpoint of a folder or of the hub becomes a verified model folder, or nothing does."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from service.adapters.exporter import export, find_python
from service.cli.checkpoints import Found, check_source, checkpoint, say, with_adapter
from service.cli.golden_frame import SOURCE, write_frame
from service.cli.installed import installed
from service.cli.show import console
from service.cli.trail import audit, operator
from service.domain.errors import Misconfigured
from service.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")
PRECISIONS = ("fp32", "int4")
LIMITS_EXAMPLE = 'modality = ["CR", "DX"], body_part = ["CHEST"], view = ["PA", "AP"], min_age_years = 18'


def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A checkpoint's folder, or its id on the hub (OWNER/NAME).")],
    name: Annotated[str, typer.Option(help="The model's name here: lower case, digits, underscores.")],
    limits: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="TOML: what the model may read.")
    ] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or, best, commit on the hub.")] = "main",
    digest: Annotated[str, typer.Option(help="SHA-256 that the checkpoint's files must have, as `add` tells it.")] = "",
    licence: Annotated[str, typer.Option(help="Its licence, where the checkpoint names none.")] = "",
    intended_use: Annotated[str, typer.Option(help="What its maker made it for.")] = "not stated by its maker",
    manufacturer: Annotated[str, typer.Option(help="Who made it.")] = "",
    model_version: Annotated[str, typer.Option(help="Its version, as results name it.")] = "1",
    precision: Annotated[str, typer.Option(help="fp32, or int4 for a smaller and faster decoder.")] = "fp32",
    chat_template: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Jinja, for a checkpoint that brings none.")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A PEFT folder to merge into the weights.")
    ] = None,
    image_size: Annotated[int, typer.Option(min=0, help="Side that images are shown in, where the model lets us.")] = 0,
    memory_mb: Annotated[int, typer.Option(min=0, help="What it may take; 0: twice its files, 512, its answers.")] = 0,
    python: Annotated[Path | None, typer.Option(help="A Python with the extra `export`.")] = None,
    override: Annotated[str, typer.Option(help="Serve it although it differs; the reason shows everywhere.")] = "",
) -> None:  # fmt: skip
    """Export a checkpoint, compare it with its framework's model, and keep it if it is the same.

    A new model reads in shadow: a rule in mode live is refused while its card names no licence for that.
    """
    services = installed(context)
    settings: Settings = context.obj
    target = _target(settings, name)
    if precision not in PRECISIONS:
        raise Misconfigured(f"precision {precision!r} is not known; {' or '.join(PRECISIONS)}")
    reads = _limits(limits)
    check_source(source)
    chosen = find_python(pythons(python, settings))
    told = f"model {name} added from {source} (revision {revision})"
    audit(services, f"{told}, override: {override}" if override else told)
    found = checkpoint(source, revision, digest, settings)
    found = with_adapter(found, adapter)
    job = {
        "name": name,
        "version": model_version,
        "precision": precision,
        "adapter": str(adapter.absolute()) if adapter else "",
        "licence": licence or found.licence,
        "intended_use": intended_use,
        "manufacturer": manufacturer,
        "memory_mb": memory_mb,
        "limits": reads,
        "chat_template": str(chat_template.absolute()) if chat_template else "",
        "image_size": image_size,
        "override": f"{override} ({operator()})" if override else "",
    }
    record = _make(job, found, target, chosen, settings)
    _tell(name, record, licence or found.licence, target)


def _make(job: Mapping[str, Any], found: Found, target: Path, python: Path, settings: Settings) -> Mapping[str, Any]:
    """Have the folder made beside its place and moved there once it is whole; returns what was compared."""
    settings.own_models.mkdir(parents=True, exist_ok=True)
    script = settings.model_repositories[-1] / "export" / "main.py"
    with tempfile.TemporaryDirectory(dir=settings.own_models.absolute(), prefix=f".adding-{target.name}-") as temporary:
        made, frame = Path(temporary) / target.name, write_frame(Path(temporary))
        places = {"checkpoint": str(found.folder.absolute()), "out": str(made), "frame": str(frame or "")}
        record = export(python, script, {**job, **places, "source": found.source}, say=say)
        if frame:
            shutil.copyfile(SOURCE, made / "1" / "goldens" / "image.dcm")
        made.rename(target)
    return record


def _target(settings: Settings, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is no name for a model: lower case letters, digits and underscores")
    for repository in settings.model_repositories:
        if (repository / name).exists():
            raise Misconfigured(
                f"{repository} has {name} already: choose another name, or `preread models remove {name}`"
            )
    return settings.own_models / name


def _limits(file: Path | None) -> Mapping[str, Any]:
    """What the operator says that the model may read: no checkpoint says it, and no limit would mean everything."""
    if file is None:
        raise Misconfigured(f"say what the model may read: --limits FILE, TOML such as {LIMITS_EXAMPLE}")
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file}: not valid TOML: {error}") from error
    found = dict(found.get("limits", found))
    known = {"modality", "sop_class", "body_part", "view", "min_age_years", "max_age_years"}
    if unknown := sorted(set(found) - known):
        raise Misconfigured(f"{file}: there is no limit {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    if not found.get("modality"):
        raise Misconfigured(f"{file}: name at least the modality, such as {LIMITS_EXAMPLE}")
    return found


def pythons(named: Path | None, settings: Settings) -> list[Path | None]:
    """Where a Python that exports is looked for, in this order."""
    if named:
        return [named]
    own = Path(settings.models.export_python) if settings.models.export_python else None
    return [own, Path(sys.executable), (settings.data / "export" / "bin" / "python").absolute()]


def _tell(name: str, record: Mapping[str, Any], licence: str, target: Path) -> None:
    same = f"{record['tokens_identical']} of {record['tokens']} greedy tokens are the framework's"
    if record["differences"]:
        console.print(f"{name} is added UNVERIFIED ({same}); this shows wherever it is named")
    else:
        console.print(f"{name} is added and verified ({same})")
    if not licence:
        console.print("no licence was found: rules that name it can be in shadow only; say it with --licence")
    console.print(f"it lies in {target}; the model server serves it from its next start on")
    console.print(f'it reads once an algorithm asks it (MODEL = "{name}") and a rule names that: deploy/docs/models.md')
