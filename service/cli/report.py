"""`preread report`: what rules read in a report's text, with the words that say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from service.adapters.differential.toml import TomlDifferentials
from service.cli.show import AsJson, Unknown, console, harmless, rows
from service.cli.texts import TextFile, text_of
from service.flow.prose import Answer, Beside, answered

app = typer.Typer(name="report", help="Tasks on a report's text, by rules.", no_args_is_help=True, add_completion=False)

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
    _say("change", file, ("finding", "change", "words"), Beside(prior=text_of(prior)), as_json=json)


@app.command()
def question(
    file: TextFile,
    asked: Annotated[str, typer.Argument(metavar="QUESTION", help="In English or German, about this report alone.")],
    prior: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="An earlier report of the same patient.")
    ] = None,
    json: AsJson = False,
) -> None:
    """What the report in FILE says to QUESTION, with the words that say it, or that it is not stated."""
    beside = Beside(question=asked, prior=text_of(prior) if prior else "")
    _say("question", file, ("about", "answer", "words", "note"), beside, as_json=json)


@app.command()
def differential(context: typer.Context, file: TextFile, json: AsJson = False) -> None:
    """What the findings may be together, by a table of textbook associations: for, against, points. No advice."""
    table = TomlDifferentials(context.obj.own_differential).table()
    columns = ("rank", "diagnosis", "points", "supporting", "opposing")
    _say("differential", file, columns, Beside(table=table), as_json=json)
    if not json:
        console.print(harmless(f"{table.name}, version {table.version}: {table.statement}"))


def _say(task: str, file: Path, columns: Sequence[str], beside: Beside | None = None, *, as_json: bool) -> None:
    answer = _answer(task, file, beside or Beside())
    by = {"by": answer["by"], "version": answer["version"]}
    nothing = answer.get("note") or "nothing"
    rows([each | by | _words(each) for each in answer[task]], columns, as_json=as_json, empty=nothing)
    if not as_json:
        console.print(f"by {answer['by']}, version {answer['version']}")


def _answer(task: str, file: Path, beside: Beside) -> Answer:
    try:
        return answered(task, text_of(file), beside)
    except ValueError as error:
        raise Unknown(str(error)) from error


def _words(row: dict[str, Any]) -> dict[str, str]:
    if "diagnosis" in row:
        return {"supporting": _signs(row["for"]), "opposing": _signs(row["against"])}
    spans = row.get("spans") or row.get("now") or ()
    return {"words": "; ".join(span["text"] for span in spans)} if spans else {"words": ""}


def _signs(weighed: list[dict[str, Any]]) -> str:
    return "; ".join(f"{each['finding']} ({each['points']:g}): {each['text']}" for each in weighed)
