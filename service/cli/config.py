"""`preread config`: rules and nodes as numbered versions."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer

from service.bootstrap import silent
from service.cli.installed import installed
from service.cli.show import AsJson, console, rows, when
from service.cli.trail import audit, operator
from service.domain.config import ConfigVersion
from service.domain.errors import Misconfigured
from service.ports.services import Services

FILES = ("nodes.toml", "rules.toml")

app = typer.Typer(
    name="config", help="Rules and nodes as immutable, numbered versions.", no_args_is_help=True, add_completion=False
)

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder with rules.toml and nodes.toml.")]


@app.command()
def apply(context: typer.Context, folder: Folder) -> None:
    """Check both files and make them the next version; running processes follow within seconds.

    On a new installation this makes the ledger, too.
    """
    services = silent(context.obj, process="config")
    services.ledger.upgrade()
    version = apply_from(folder, services)
    console.print(f"configuration {version.number} is active")


@app.command()
def show(
    context: typer.Context, number: Annotated[int | None, typer.Argument(min=1)] = None, json: AsJson = False
) -> None:
    """Print a version's files; the active one without a number."""
    configurations = installed(context).configurations
    version = configurations.version(number) if number else configurations.active()
    if json:
        applied = {"applied_at": when(version.applied_at, context), "applied_by": version.applied_by}
        rows([{"number": version.number, **applied, **dict(version.texts)}], (), as_json=True)
        return
    applied_at, zone = when(version.applied_at, context), context.obj.site.zone
    console.print(
        f"# configuration {version.number}, applied {applied_at:%Y-%m-%d %H:%M} ({zone}) by {version.applied_by}"
    )
    for name, text in version.texts:
        print(f"# --- {name}\n{text}")


@app.command()
def diff(context: typer.Context, folder: Folder) -> None:
    """What `apply` would change; exit 1 if anything."""
    active = dict(installed(context).configurations.active().texts)
    changed = False
    for name, text in read(folder).items():
        for line in difflib.unified_diff(
            active.get(name, "").splitlines(), text.splitlines(), f"active/{name}", f"{folder}/{name}", lineterm=""
        ):
            changed = True
            print(line)
    raise typer.Exit(int(changed))


def apply_from(folder: Path, services: Services) -> ConfigVersion:
    """The files of `folder` as the active version. Raises Misconfigured for a mistake in them."""
    texts = read(folder)
    services.configurations.parse(texts)
    audit(services, f"configuration applied from {folder.absolute()}")
    return services.configurations.apply(texts, by=operator())


def read(folder: Path) -> dict[str, str]:
    """The configuration files of a folder. Raises Misconfigured if none is there."""
    texts = {name: text_of(folder / name) for name in FILES if (folder / name).is_file()}
    if not texts:
        raise Misconfigured(f"{folder} holds neither {' nor '.join(FILES)}; see deploy/examples")
    return texts


def text_of(file: Path) -> str:
    """The text of a configuration file. Raises Misconfigured for what is none."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file} is not text in UTF-8; write it with a text editor") from error
