"""`preread templates`: forms of structured reports; what there is, whether a file is one, and keeping it."""

from __future__ import annotations

import json as text_json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.adapters.templates.shelf import TemplateShelf, keep_template, read_template
from service.cli import templates_sr
from service.cli.show import AsJson, Unknown, console, harmless, rows
from service.domain.template import Field, Template
from service.flow.guide import schema
from service.flow.words import count

app = typer.Typer(name="templates", help="Forms of structured reports.", no_args_is_help=True, add_completion=False)
app.command("encode")(templates_sr.encode)
app.command("decode")(templates_sr.decode)

COLUMNS = ("name", "title", "fields", "required", "description")
FIELD_COLUMNS = ("section", "field", "label", "kind", "answers", "completion", "codes")
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="An MRRT template (.html) or a set of CDEs (.json).")
]


@app.command("list")
def show_all(context: typer.Context, json: AsJson = False) -> None:
    """Every template, ours and the site's; files of the site that cannot be read are named after them."""
    shelf = TemplateShelf(context.obj.own_templates)
    rows([_row(template) for template in shelf.all()], COLUMNS, as_json=json, empty="no template")
    for wrong in shelf.broken():
        typer.echo(harmless(wrong), err=True)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, as `preread templates list` tells it.")],
    json: AsJson = False,
    answer_schema: Annotated[
        bool, typer.Option("--schema", help="The JSON Schema of a guided answer, instead of the fields.")
    ] = False,
) -> None:
    """The fields of a template: what they ask, in which unit, between which limits, with which codes."""
    found = TemplateShelf(context.obj.own_templates).template(name)
    if found is None:
        raise Unknown(f"there is no template {name}; `preread templates list` names those that are")
    if answer_schema:
        print(text_json.dumps(schema(found), ensure_ascii=False, indent=2))
        return
    rows(_lines(found), FIELD_COLUMNS, as_json=json, empty="no field")


@app.command()
def check(file: File) -> None:
    """Read a template without keeping it; a mistake is named with its line and what to do."""
    _tell(read_template(file), "no mistake")


@app.command()
def add(context: typer.Context, file: File) -> None:
    """Check a template and keep it among the site's; one of the same file name is replaced."""
    _tell(keep_template(file, context.obj.own_templates), f"kept in {context.obj.own_templates}")


def _tell(template: Template, done: str) -> None:
    for note in template.notes:
        console.print(harmless(note))
    sections, fields = count(len(template.sections), "section"), count(len(template.fields), "field")
    console.print(harmless(f"{template.name}: {template.title}: {sections}, {fields}: {done}"))


def _row(template: Template) -> dict[str, Any]:
    required = sum(field.completion == "prohibit" for field in template.fields)
    return {
        "name": template.name,
        "title": template.title,
        "fields": len(template.fields),
        "required": required,
        "description": template.description,
    }


def _lines(template: Template) -> list[dict[str, Any]]:
    return [
        {
            "section": section.label,
            "field": field.name,
            "label": field.label,
            "kind": str(field.kind),
            "answers": _answers(field),
            "completion": str(field.completion),
            "codes": ", ".join(f"{code.scheme} {code.value}" for code in field.codes),
        }
        for section in template.sections
        for field in section.fields
    ]


def _answers(field: Field) -> str:
    if field.options:
        return " | ".join(option.text for option in field.options)
    bounds = " to ".join(f"{bound:g}" for bound in (field.low, field.high) if bound is not None)
    return f"{bounds} {field.unit.value if field.unit else ''}".strip()
