"""Sets of common data elements (RadElement, JSON as its API answers) to the same form as a template.

Both ages of the schema are read: `float_value` and `float_values`, cardinality inside of `value_set` or below it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError
from pydantic import Field as Key

from service.adapters.templates.coded import designator
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.filled import plain_text
from service.domain.template import Completion, Field, FieldKind, Option, Template, TemplateSection

SCHEME = "RADELEMENT"
"""Coding scheme of elements and of their values (PS3.16 table 8-1)."""
MOST_BYTES = 512 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _IndexCode(_Part):
    system: str
    code: str
    display: str | None = None


class _Value(_Part):
    code: str = ""
    value: str | None = None
    name: str
    index_codes: tuple[_IndexCode, ...] | None = None


class _Cardinality(_Part):
    min_cardinality: int = 0
    max_cardinality: int | None = 1


class _ValueSet(_Cardinality):
    values: tuple[_Value, ...]
    cardinality: _Cardinality | None = None


class _Range(_Part):
    low: float | None = Key(None, validation_alias=AliasChoices("min", "value_min"))
    high: float | None = Key(None, validation_alias=AliasChoices("max", "value_max"))


class _Number(_Range):
    unit: str | None = None
    value_min_max: _Range | None = None


class _Element(_Part):
    id: str
    name: str
    question: str | None = None
    index_codes: tuple[_IndexCode, ...] | None = None
    value_set: _ValueSet | None = None
    float_value: _Number | None = Key(None, validation_alias=AliasChoices("float_value", "float_values"))
    integer_value: _Number | None = Key(None, validation_alias=AliasChoices("integer_value", "integer_values"))
    boolean_value: Any = Key(None, validation_alias=AliasChoices("boolean_value", "boolean_values"))


class _Set(_Part):
    id: str
    name: str
    description: str | None = None
    elements: tuple[_Element, ...]


def read_cde(file: str, text: str) -> Template:
    """The set in `text`, called as its file is without its ending. Raises Misconfigured with what is wrong."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise Misconfigured(f"{file}:1: larger than {MOST_BYTES // 1024} KiB, more than any set needs")
    try:
        given = json.loads(text)
        found = _Set.model_validate(given.get("data", given) if isinstance(given, dict) else given)
        return _template(file, found)
    except json.JSONDecodeError as error:
        raise Misconfigured(
            f"{file}:{error.lineno}: no JSON ({error.msg}); take it as RadElement's API answers"
        ) from error
    except RecursionError as error:
        raise Misconfigured(f"{file}:1: nested deeper than any set is") from error
    except ValidationError as error:
        raise Misconfigured("\n".join(_sentence(file, dict(one)) for one in error.errors(include_url=False))) from error
    except ValueError as error:
        raise Misconfigured(f"{file}:1: {error}") from error


def _sentence(file: str, error: Mapping[str, Any]) -> str:
    return f"{file}:1: {'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}"


def _template(file: str, found: _Set) -> Template:
    section = TemplateSection(
        name=found.id,
        label=plain_text(found.name),
        codes=(Code(found.id, SCHEME, plain_text(found.name)),),
        fields=tuple(_field(element) for element in found.elements),
    )
    return Template(
        name=file.rsplit("/", 1)[-1].rsplit(".", 1)[0],
        title=plain_text(found.name),
        sections=(section,),
        identifier=found.id,
        description=plain_text(found.description or ""),
        creator="RadElement",
    )


def _field(element: _Element) -> Field:
    label = plain_text(element.name)
    codes = (*_indexed(element.index_codes), Code(element.id, SCHEME, label))
    if element.value_set is not None:
        return _choice(element, element.value_set, label, codes)
    number = element.float_value or element.integer_value
    if number is not None:
        limits = number.value_min_max or number
        unit = Code(number.unit, "UCUM", number.unit) if number.unit else None
        kind, low, high = FieldKind.NUMBER, limits.low, limits.high
        return Field(name=element.id, label=label, kind=kind, codes=codes, unit=unit, low=low, high=high)
    if element.boolean_value is not None:
        answers = (Option(text="yes"), Option(text="no"))
        return Field(name=element.id, label=label, kind=FieldKind.CHOICE, codes=codes, options=answers)
    return Field(name=element.id, label=label, kind=FieldKind.TEXT, codes=codes)


def _choice(element: _Element, given: _ValueSet, label: str, codes: tuple[Code, ...]) -> Field:
    bounds = given.cardinality or given
    several = bounds.max_cardinality is None or bounds.max_cardinality > 1
    return Field(
        name=element.id,
        label=label,
        kind=FieldKind.CHOICES if several else FieldKind.CHOICE,
        codes=codes,
        options=tuple(_option(value) for value in given.values),
        completion=Completion.PROHIBIT if bounds.min_cardinality > 0 else Completion.NONE,
    )


def _option(value: _Value) -> Option:
    own = value.code or value.value or ""
    codes = _indexed(value.index_codes) or (
        [Code(own, SCHEME, plain_text(value.name))] if own.startswith("RDE") else []
    )
    return Option(text=plain_text(value.name), code=next(iter(codes), None))


def _indexed(given: Sequence[_IndexCode] | None) -> list[Code]:
    """Codes of known schemes; the scheme of another is left out with its code."""
    return [
        Code(one.code.rsplit("/", 1)[-1], scheme, plain_text(one.display or one.code))
        for one in given or ()
        if (scheme := designator(one.system)) and one.code.strip()
    ]
