"""A filled template as a Comprehensive SR in the shape of TID 2000, and that document back to the same form.

Each answer stands in its section as CODE, NUM, DATE or TEXT under its own concept, modified by the name of its field;
the sentences that are made of the answers stand before them, for people. Not an encoder that rules name: what is filled
is a person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ComprehensiveSRStorage

from dicom_nodes.objects import concepts, wording
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.header import document
from dicom_nodes.objects.items import CONTAINS, HAS_CONCEPT_MOD, Relationship, code, container, number, text
from dicom_nodes.objects.observer import observer_context
from service.domain.code import Code
from service.domain.errors import Unreadable
from service.domain.filled import Filled
from service.domain.phrase import Phrases, Told, narrative
from service.domain.report import Report, Section, first_line
from service.domain.template import Field, FieldKind, Template, TemplateSection, Value

SOP_CLASS_UID = ComprehensiveSRStorage
TEMPLATE = Code("template", "99PREREAD", "Report template")
NORMAL = Code("17621005", "SCT", "Normal")
NO_UNITS = Code("1", "UCUM", "no units")
_SENTENCE = {Section.FINDINGS: concepts.FINDING, Section.CONCLUSIONS: concepts.CONCLUSION}


def encode(filled: Filled, report: Report, context: EncodingContext, phrases: Phrases) -> bytes:
    """Part 10 bytes of the form, in front of which stands what `report` says of itself: preliminary and unverified."""
    summary = container(CONTAINS, concepts.SUMMARY, [text(CONTAINS, concepts.SUMMARY, first_line(report))])
    root = container(
        None,
        concepts.DIAGNOSTIC_IMAGING_REPORT,
        [
            code(HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, report.procedure),
            code(HAS_CONCEPT_MOD, concepts.LANGUAGE, wording.language(report, context)),
            text(HAS_CONCEPT_MOD, TEMPLATE, filled.template.name),
            *observer_context(report.algorithms, context),
            summary,
            *sections(filled, narrative(filled, phrases)),
        ],
        template="2000",
    )
    return document(report, context, sop_class_uid=SOP_CLASS_UID, kind="form", root=root)


def sections(filled: Filled, told: tuple[Told, ...]) -> list[Dataset]:
    """A container for each section of the form that says anything: its sentences, then its answers."""
    return [made for section in filled.template.sections if (made := _section(filled, section, told))]


def decode(part10: bytes, template: Template) -> Filled:
    """The form that was encoded. Raises Unreadable for what is none, or is one of another template."""
    try:
        dataset = dcmread(BytesIO(part10))
        items = list(dataset.get("ContentSequence") or ())
        name = next((item.TextValue for item in items if _is(item, TEMPLATE)), "")
        if name != template.name:
            raise Unreadable(f"the document is not of the template {template.name}")
        return _filled(template, [child for item in items for child in item.get("ContentSequence") or ()])
    except (InvalidDicomError, EOFError, AttributeError, LookupError, ValueError) as error:
        raise Unreadable(f"the document holds no form of the template {template.name} ({error})") from error


def _section(filled: Filled, section: TemplateSection, told: tuple[Told, ...]) -> Dataset | None:
    names = {one.name for one in section.fields}
    sentences = [text(CONTAINS, _SENTENCE[each.section], each.text) for each in told if names.intersection(each.fields)]
    normal = [_normal(section)] if section.name in filled.normal else []
    answers = [
        item for one in section.fields if one.name in filled.values for item in _answer(one, filled.values[one.name])
    ]
    items = [*sentences, *normal, *answers]
    return container(CONTAINS, _concept(section.codes, section.name, section.label), items) if items else None


def _normal(section: TemplateSection) -> Dataset:
    named = _concept(section.codes, section.name, section.label)
    return code(CONTAINS, named, NORMAL, [_named(section.name)])


def _answer(field: Field, value: Value) -> Iterator[Dataset]:
    concept, modifiers = _concept(field.codes, field.name, field.label), [_named(field.name), *_qualified(field)]
    match value:
        case float():
            yield number(CONTAINS, concept, value, field.unit or NO_UNITS, modifiers)
        case date():
            yield _date(concept, value, modifiers)
        case tuple():
            for chosen in value:
                option = field.option(chosen)
                coded = option.code if option and option.code and field.coded(option.code) else None
                yield (code if coded else text)(CONTAINS, concept, coded or chosen, modifiers)  # type: ignore[arg-type]
        case _:
            yield text(CONTAINS, concept, value, modifiers)


def _concept(codes: tuple[Code, ...], name: str, label: str) -> Code:
    return codes[0] if codes else Code(name[:64], "99PREREAD", label)


def _named(name: str) -> Dataset:
    """The field (or section) that an item answers: two may ask for the same concept."""
    return text(HAS_CONCEPT_MOD, concepts.TRACKING_IDENTIFIER, name)


def _qualified(field: Field) -> Iterator[Dataset]:
    """Side, site, or the finding that is measured."""
    for each in field.codes[1:]:
        of = concepts.FINDING if field.kind is FieldKind.NUMBER else concepts.FINDING_SITE
        yield code(HAS_CONCEPT_MOD, concepts.LATERALITY if each == field.side else of, each)


def _date(concept: Code, value: date, modifiers: list[Dataset]) -> Dataset:
    item = text(Relationship.CONTAINS, concept, "-", modifiers)
    del item.TextValue
    item.ValueType, item.Date = "DATE", value.strftime("%Y%m%d")
    return item


def _filled(template: Template, items: list[Dataset]) -> Filled:
    values: dict[str, Value] = {}
    normal: set[str] = set()
    for item in items:
        name = _name_of(item)
        field = template.field(name)
        if field is not None:
            values[name] = _value(field, item, values.get(name))
        elif name:
            normal.add(name)
    return Filled(template=template, values=values, normal=frozenset(normal))


def _name_of(item: Dataset) -> str:
    children = item.get("ContentSequence") or ()
    return next((str(child.TextValue) for child in children if _is(child, concepts.TRACKING_IDENTIFIER)), "")


def _value(field: Field, item: Dataset, before: Value | None) -> Value:
    match item.ValueType:
        case "NUM":
            return float(item.MeasuredValueSequence[0].NumericValue)
        case "DATE":
            return datetime.strptime(str(item.Date), "%Y%m%d").date()
    said = _chosen(field, item) if field.options else str(item.TextValue).replace("\r\n", "\n")
    return (*before, said) if isinstance(before, tuple) else (said,) if field.options else said


def _chosen(field: Field, item: Dataset) -> str:
    if item.ValueType == "TEXT":
        return str(item.TextValue)
    found = item.ConceptCodeSequence[0]
    value = str(found.get("CodeValue") or found.LongCodeValue)
    option = field.coded(Code(value, str(found.CodingSchemeDesignator), ""))
    if option is None:
        raise ValueError(f"{field.label} has no option with the code {value}")
    return option.text


def _is(item: Dataset, concept: Code) -> bool:
    found = item.get("ConceptNameCodeSequence")
    return bool(found) and str(found[0].get("CodeValue", "")) == concept.value
