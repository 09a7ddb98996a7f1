"""Guide: a template as the form that a model's answer must have, and that answer as a filled form."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, NoReturn

from service.domain.errors import Unclear
from service.domain.filled import Filled, plain_text
from service.domain.template import MOST_TEXT, Field, FieldKind, Template, Value

_GUIDED_TEXT = 500
"""Characters of an answer in words; a model that goes on and on is stopped."""


def schema(template: Template) -> dict[str, Any]:
    """JSON Schema of an answer: every field by its name, null for what the images do not say."""
    properties = {field.name: {"anyOf": [_answer(field), {"type": "null"}]} for field in template.fields}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": template.title,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer(field: Field) -> dict[str, Any]:
    options = [option.text for option in field.options]
    match field.kind:
        case FieldKind.NUMBER:
            bounds = {"minimum": field.low, "maximum": field.high}
            return {"type": "number"} | {key: value for key, value in bounds.items() if value is not None}
        case FieldKind.CHOICE:
            return {"type": "string", "enum": options}
        case FieldKind.CHOICES:
            items = {"type": "string", "enum": options}
            return {"type": "array", "items": items, "minItems": 1, "maxItems": len(options)}
        case FieldKind.DATE:
            return {"type": "string", "format": "date"}
    return {"type": "string", "minLength": 1, "maxLength": min(MOST_TEXT, _GUIDED_TEXT)}


def read_answer(template: Template, answer: str) -> Filled:
    """The form that a model filled. Raises Unclear for an answer that is not of the schema."""
    try:
        given = json.loads(answer)
        values = {name: value for name, said in given.items() if (value := _value(template, name, said)) is not None}
        return Filled(template=template, values=values)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Unclear(f"the model's answer is no form of {template.name}: {error}") from error


def written(filled: Filled) -> str:
    """The answer that `read_answer` reads as `filled`."""
    values = {field.name: _plain(filled.values.get(field.name), field) for field in filled.template.fields}
    return json.dumps(values, ensure_ascii=False)


def _plain(value: Value | None, field: Field) -> Any:
    if isinstance(value, tuple):
        return value[0] if field.kind is FieldKind.CHOICE else list(value)
    return value.isoformat() if isinstance(value, date) else value


def _value(template: Template, name: str, said: Any) -> Value | None:
    field = template.field(name)
    if field is None:
        raise ValueError(f"the template has no field {name[:40]!r}")
    if said is None:
        return None
    match field.kind:
        case FieldKind.NUMBER:
            return _odd(field) if isinstance(said, bool | str) else float(f"{float(said):g}")
        case FieldKind.CHOICE:
            return (str(said),)
        case FieldKind.CHOICES:
            return _several(field, said)
        case FieldKind.DATE:
            return date.fromisoformat(said)
    return plain_text(said, lines=field.lines > 1) or None


def _several(field: Field, said: Any) -> Value:
    if not isinstance(said, list) or not said or not all(isinstance(one, str) and field.option(one) for one in said):
        _odd(field)
    return tuple(option.text for option in field.options if option.text in said)


def _odd(field: Field) -> NoReturn:
    raise ValueError(f"{field.label}: no {field.kind}")
