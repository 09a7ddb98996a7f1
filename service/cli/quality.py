"""`preread quality`: what a second reader would question in a report."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from service.cli.show import AsJson, rows
from service.cli.texts import TextFile, text_of
from service.domain.prose.side import Side
from service.domain.quality.case import Case
from service.domain.quality.inspect import inspect

COLUMNS = ("likely", "severity", "kind", "words", "message", "rule")


class Sex(StrEnum):
    M = "M"
    F = "F"
    O = "O"  # noqa: E741  # DICOM's letter for "other"


def quality(
    context: typer.Context,
    file: TextFile,
    sex: Annotated[Sex | None, typer.Option(help="As in the header.")] = None,
    modality: Annotated[str, typer.Option(help="Such as CR.")] = "",
    body_part: Annotated[str, typer.Option(help="Body part examined, such as CHEST.")] = "",
    laterality: Annotated[Side, typer.Option(help="Side of the examination.")] = Side.UNSAID,
    question: Annotated[str, typer.Option(help="What the order asks, in its words.")] = "",
    order: Annotated[str, typer.Option(help="What was ordered, such as 'CT head'.")] = "",
    prior: Annotated[bool | None, typer.Option("--prior/--no-prior", help="Whether an earlier study is known.")] = None,
    json: AsJson = False,
) -> None:
    """Question the report in FILE by rules: sides, denials, sizes, devices, sections, typing. Nothing is altered.

    Exit code 1 if there is an alarm; what is not likely is a hint.
    """
    case = Case(
        text=text_of(file),
        sex=sex or "",
        modality=modality,
        body_part=body_part,
        laterality=laterality,
        question=question,
        order=order,
        prior=prior,
    )
    found = [asdict(issue) | {"words": case.text[issue.start : issue.end]} for issue in inspect(case)]
    rows(found, COLUMNS, as_json=json, empty="nothing to question")
    if any(each["likely"] for each in found):
        raise typer.Exit(1)
