"""`preread rules`: check a file, and hold rules against studies without reading them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydicom.uid import UID

from service.adapters.configuration import parse
from service.adapters.configuration.toml import RULES
from service.adapters.part10 import Part10Headers
from service.bootstrap import plug_ins
from service.cli.config import FILES, text_of
from service.cli.files import files_under
from service.cli.installed import installed
from service.cli.show import AsJson, console, rows
from service.domain.config import Configuration
from service.domain.errors import Misconfigured, Unreadable
from service.domain.rule import Match, match
from service.domain.study import Identity, StoredInstance, Study
from service.flow.words import count
from service.ports.clock import Clock, SystemClock
from service.ports.headers import Headers
from service.settings import Settings

app = typer.Typer(name="rules", help="Routing rules.", no_args_is_help=True, add_completion=False)

COLUMNS = ("study", "rule", "series", "clause", "wanted", "found", "holds")


@app.command()
def check(
    context: typer.Context, file: Annotated[Path, typer.Argument(exists=True, help="rules.toml, or its folder.")]
) -> None:
    """Check rules (with the nodes beside them) without applying them; errors name their line."""
    found = _parsed(_texts(file), context.obj)
    rules, destinations = count(len(found.rules), "rule"), count(len(found.destinations), "destination")
    console.print(f"{rules}, {destinations}: no mistake")


@app.command("test")
def hold(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, help="A DICOM file, or a folder of them.")],
    rules: Annotated[
        Path | None, typer.Option(exists=True, help="rules.toml, or its folder; the active ones without it.")
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the source they would come from.")] = "",
    json: AsJson = False,
) -> None:
    """Every rule against every study under PATH: which clause failed, with the tag's value. Nothing is kept."""
    given = _parsed(_texts(rules), context.obj) if rules else None
    configuration = given or installed(context).configurations.active().configuration
    _require_source(source, configuration)
    clock = SystemClock(ZoneInfo(context.obj.site.zone))
    studies = list(_studies(files_under(path), Part10Headers(children=1), clock, source))
    now = clock.now().astimezone(clock.zone)
    found = [
        line for study in studies for rule in configuration.rules for line in _lines(study, match(rule, study, now=now))
    ]
    hints = ("hint",) if any(line["hint"] for line in found) else ()
    rows(found, (*COLUMNS, *hints), as_json=json, empty="no study")


def _require_source(name: str, configuration: Configuration) -> None:
    """Raises Misconfigured for a source that nobody could be."""
    if name and configuration.source(name) is None:
        known = ", ".join(source.name for source in configuration.sources) or "none is defined"
        raise Misconfigured(f"source {name!r} does not exist; known: {known}")


def _texts(rules: Path) -> dict[str, str]:
    """The configuration around `rules` (rules.toml under any name, or its folder), with the nodes beside it."""
    folder = rules if rules.is_dir() else rules.parent
    texts = {name: text_of(folder / name) for name in FILES if (folder / name).is_file()}
    if rules.is_file():
        texts[RULES] = text_of(rules)
    if RULES not in texts:
        raise Misconfigured(f"{folder} holds no {RULES}; name the file, or the folder that it lies in")
    return texts


def _parsed(texts: dict[str, str], settings: Settings) -> Configuration:
    known = plug_ins(settings)
    return parse(
        texts,
        algorithms=known.algorithms,
        outputs=known.outputs,
        schemes=known.schemes,
        check_step=known.check_step,
        not_for_delivery=known.not_for_delivery,
    )


def _studies(files: Sequence[Path], headers: Headers, clock: Clock, source: str) -> Iterator[Study]:
    """The studies that these files are, by their headers."""
    members: dict[UID, list[StoredInstance]] = {}
    identities: dict[UID, Identity] = {}
    for file in files:
        try:
            with file.open("rb") as part10:
                header = headers.read(part10)
        except Unreadable as error:
            typer.echo(f"{file}: {error}", err=True)
            continue
        uid = header.instance.study_instance_uid
        identities.setdefault(uid, header.identity)
        members.setdefault(uid, []).append(
            StoredInstance(instance=header.instance, location=str(file), sha256="", size=0)
        )
    for uid, instances in members.items():
        yield Study(
            study_instance_uid=uid,
            identity=identities[uid],
            identity_version=1,
            source=source,
            received_first=clock.now(),
            received_last=clock.now(),
            instances=tuple(instances),
        )


def _lines(study: Study, found: Match) -> Iterator[dict[str, object]]:
    head = {
        "study": study.study_instance_uid,
        "rule": found.rule.name,
        "mode": found.rule.mode,
        "matched": found.matched,
    }
    for verdict in found.verdicts:
        for clause in verdict.clauses:
            yield {
                **head,
                "series": verdict.series_instance_uid,
                "clause": clause.name,
                "wanted": clause.wanted,
                "found": clause.found,
                "holds": "yes" if clause.holds else "NO",
                "hint": clause.hint,
            }
