"""Templates of structured reports for programs: what there is to fill, and the schema of a guided answer."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field

from service.domain.code import Code
from service.domain.said import say
from service.domain.template import Field as TemplateField
from service.domain.template import Template, TemplateSection
from service.flow.guide import schema
from service.web.services import services_of


class TemplateShape(BaseModel):
    name: str
    title: str
    description: str
    language: str
    identifier: str = Field(description="dcterms.identifier, or the id of the set of common data elements")
    fields: int


class TemplatesShape(BaseModel):
    templates: list[TemplateShape]
    broken: list[str] = Field(description="Files of the site's folder that cannot be read, each with what is wrong")


class CodeShape(BaseModel):
    value: str
    scheme: str
    meaning: str


class OptionShape(BaseModel):
    text: str
    code: CodeShape | None


class FieldShape(BaseModel):
    name: str
    label: str
    kind: str = Field(description="text, number, choice, choices or date")
    completion: str = Field(description="none, alert or prohibit")
    codes: list[CodeShape]
    options: list[OptionShape]
    unit: CodeShape | None = Field(description="UCUM")
    minimum: float | None
    maximum: float | None


class SectionShape(BaseModel):
    name: str
    label: str
    level: int
    part: str = Field(description="findings or conclusions: where in a report its sentences stand")
    codes: list[CodeShape]
    fields: list[FieldShape]


class TemplateDetailShape(BaseModel):
    template: TemplateShape
    sections: list[SectionShape]
    notes: list[str] = Field(description="What of the file was left out, with its line")
    answer_schema: dict[str, Any] = Field(description="JSON Schema of a guided answer")


def every(request: Request) -> TemplatesShape:
    """Every template of this installation."""
    templates = services_of(request).templates
    return TemplatesShape(templates=[_shape(each) for each in templates.all()], broken=list(templates.broken()))


def one(request: Request, template: str) -> TemplateDetailShape:
    """One template: sections, fields, codes, and the schema that a guided answer has."""
    found = services_of(request).templates.template(template)
    if found is None:
        raise HTTPException(404, say("There is no such template. GET /api/templates names those that are."))
    sections = [_section(each) for each in found.sections]
    return TemplateDetailShape(
        template=_shape(found), sections=sections, notes=list(found.notes), answer_schema=schema(found)
    )


def _shape(template: Template) -> TemplateShape:
    return TemplateShape(
        name=template.name,
        title=template.title,
        description=template.description,
        language=template.language,
        identifier=template.identifier,
        fields=len(template.fields),
    )


def _section(section: TemplateSection) -> SectionShape:
    return SectionShape(
        name=section.name,
        label=section.label,
        level=section.level,
        part=section.part,
        codes=[_code(code) for code in section.codes],
        fields=[_field(field) for field in section.fields],
    )


def _field(field: TemplateField) -> FieldShape:
    return FieldShape(
        name=field.name,
        label=field.label,
        kind=field.kind,
        completion=field.completion,
        codes=[_code(code) for code in field.codes],
        options=[OptionShape(text=each.text, code=_code(each.code) if each.code else None) for each in field.options],
        unit=_code(field.unit) if field.unit else None,
        minimum=field.low,
        maximum=field.high,
    )


def _code(code: Code) -> CodeShape:
    return CodeShape(value=code.value, scheme=code.scheme, meaning=code.meaning)
