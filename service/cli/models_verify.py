"""`preread models verify`: the goldens again, by the serving engine alone, on this machine as it is now."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from service.adapters.cards import find_folder, newest_version
from service.adapters.exporter import answers
from service.cli.golden_frame import write_frame
from service.cli.installed import installed
from service.cli.show import console
from service.cli.trail import audit
from service.domain.errors import Misconfigured
from service.settings import Settings

RECORD = "verify.json"


def verify(context: typer.Context, name: Annotated[str, typer.Argument(help="The model's name.")]) -> None:
    """Ask a model the questions whose answers are known: after a new driver, GPU or runtime. Exit 1 if one differs.

    Needs no framework. A model that differs is not served any more, until it is made anew or answers as it did.
    """
    services = installed(context)
    settings: Settings = context.obj
    folder = find_folder(name, settings.model_repositories)
    version = newest_version(folder)
    if not (version / "goldens").is_dir():
        raise Misconfigured(f"{name} has no goldens: it was not made by `preread models add`; verify it by its recipe")
    audit(services, f"model {name} verified again")
    with tempfile.TemporaryDirectory(prefix="preread-verify-") as temporary:
        frame = write_frame(Path(temporary), version / "goldens" / "image.dcm")
        told = answers(folder, settings.model_repositories[-1] / "engine" / "goldens.py", frame)
    where = told["execution_provider"]
    records = {name: _keep(version / RECORD, told, where)}
    for adapter, found in told["adapters"].items():
        records[f"{name} with {adapter}"] = _keep(version / "adapters" / f"{adapter}.json", found, where)
    for asked, record in records.items():
        for difference in record["differences"]:
            console.print(f"{asked} differs: {difference}")
        same = f"{record['tokens_identical']} of {record['tokens']} tokens as they were"
        console.print(f"{asked}: {same} on {where}")
    raise typer.Exit(int(any(record["differences"] for record in records.values())))


def _keep(file: Path, told: Mapping[str, Any], provider: str) -> dict[str, Any]:
    """Write what was told now into the record `file`, and return it."""
    record = again(json.loads(file.read_text(encoding="utf-8")), {**told, "execution_provider": provider})
    fresh = file.with_name(f".{file.name}")
    fresh.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)  # an engine that loads meanwhile reads the one or the other
    return record


def again(record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what the goldens say now; what the graphs said when they were made stays."""
    return {
        **record,
        "prompts": told["prompts"],
        "greedy_tokens_identical": told["identical"],
        "tokens": told["tokens"],
        "tokens_identical": told["tokens_identical"],
        "differences": [*record["graph_differences"], *told["differences"]],
        "execution_provider": told["execution_provider"],
    }
