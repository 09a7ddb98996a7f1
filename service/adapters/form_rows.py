"""Submitted forms as the edit log keeps them, template and all, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from service.domain.code import Code
from service.domain.filled import Filled, read_value, typed
from service.domain.phrase import Told
from service.domain.report import Section
from service.domain.submitted import Submitted
from service.domain.template import Completion, Field, FieldKind, Option, Template, TemplateSection

_Json = Mapping[str, Any]


def form_row(form: Submitted) -> dict[str, Any]:
    """Answers as a person would type them; of the template what they are answers to."""
    return {
        "template": _template_row(form.filled.template),
        "answers": {name: list(typed(value)) for name, value in form.filled.values.items()},
        "normal": sorted(form.filled.normal),
        "told": [{"section": each.section, "text": each.text, "fields": list(each.fields)} for each in form.told],
        "touched": sorted(form.touched),
    }


def form_of(row: _Json) -> Submitted:
    """Raises KeyError, ValueError and TypeError for what is no row of a form."""
    template = _template(row["template"])
    values = {}
    for name, given in row["answers"].items():
        field = template.field(name)
        value = read_value(field, given) if field else None
        if value is None:
            raise ValueError(f"{name}: the answer that was kept is none")
        values[name] = value
    return Submitted(
        filled=Filled(template=template, values=values, normal=frozenset(row["normal"])),
        told=tuple(_told(each) for each in row["told"]),
        touched=frozenset(row["touched"]),
    )


def _told(row: _Json) -> Told:
    return Told(section=Section(row["section"]), text=row["text"], fields=tuple(row["fields"]))


def _template_row(template: Template) -> dict[str, Any]:
    row = asdict(template)
    for section in row["sections"]:
        for field in section["fields"]:
            field["default"] = None  # nobody fills it again from here
    return {**row, "notes": ()}


def _template(row: _Json) -> Template:
    return Template(**{**row, "sections": tuple(map(_section, row["sections"])), "notes": ()})


def _section(row: _Json) -> TemplateSection:
    fields = tuple(map(_field, row["fields"]))
    return TemplateSection(**{**row, "part": Section(row["part"]), "codes": _codes(row["codes"]), "fields": fields})


def _field(row: _Json) -> Field:
    made = {
        "kind": FieldKind(row["kind"]), "completion": Completion(row["completion"]), "codes": _codes(row["codes"]),
        "options": tuple(Option(text=each["text"], code=_code(each["code"])) for each in row["options"]),
        "unit": _code(row["unit"]),
    }  # fmt: skip
    return Field(**{**row, **made})


def _codes(rows: list[_Json]) -> tuple[Code, ...]:
    return tuple(Code(**each) for each in rows)


def _code(row: _Json | None) -> Code | None:
    return Code(**row) if row else None
