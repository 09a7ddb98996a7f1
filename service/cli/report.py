"""`preread report`: what rules read in a report's text, with the words that say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.show import AsJson, console, rows
from service.cli.texts import TextFile, text_of
from service.flow.prose import answered

app = typer.Typer(name="report", help="Tasks on a report's text, by rules.", no_args_is_help=True)

Prior = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The earlier report of the same patient.")]


@app.command()
def sections(file: TextFile, json: AsJson = False) -> None:
    """The parts of the report in FILE by its headers, odd, misspelt and German ones included."""
    _say("sections", file, ("part", "header", "start", "end", "text"), as_json=json)


@app.command()
def labels(file: TextFile, json: AsJson = False) -> None:
    """The 14 labels of CheXpert: present, absent, uncertain or not mentioned."""
    _say("labels", file, ("label", "state", "words"), as_json=json)


@app.command()
def devices(file: TextFile, json: AsJson = False) -> None:
    """Tubes, lines, drains and implants: in place, misplaced, removed or denied."""
    _say("devices", file, ("device", "state", "start", "end", "text"), as_json=json)


@app.command()
def impression(file: TextFile, json: AsJson = False) -> None:
    """What the findings say that matters, in their own words, the gravest first."""
    _say("impression", file, ("line", "rank", "start", "end"), as_json=json)


@app.command()
def change(file: TextFile, prior: Prior, json: AsJson = False) -> None:
    """What became of each finding since the report in --prior, which must be of the same patient."""
    _say("change", file, ("finding", "change", "words"), as_json=json, prior=text_of(prior))


def _say(task: str, file: Path, columns: Sequence[str], *, as_json: bool, prior: str = "") -> None:
    answer = answered(task, text_of(file), prior=prior)
    by = {"by": answer["by"], "version": answer["version"]}
    rows([each | by | _words(each) for each in answer[task]], columns, as_json=as_json)
    if not as_json:
        console.print(f"by {answer['by']}, version {answer['version']}")


def _words(row: dict[str, Any]) -> dict[str, str]:
    spans = row.get("spans") or row.get("now") or ()
    return {"words": "; ".join(span["text"] for span in spans)} if spans else {"words": ""}
