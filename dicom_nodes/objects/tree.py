"""Any structured report as an indented tree of "concept: value" lines, for people at a terminal."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

MAX_DEPTH = 40
"""Deeper items are not shown; no template of PS3.16 nests so deep, a hostile file may."""


def tree(part10: bytes | str | Path) -> list[str]:
    """Lines of the report in `part10` (bytes, or a path), indented by two spaces a level.

    The first line is its title with its flags. Raises pydicom's InvalidDicomError for what is not Part 10.
    """
    dataset = dcmread(BytesIO(part10) if isinstance(part10, bytes) else part10)
    flags = [str(dataset[k].value) for k in ("CompletionFlag", "VerificationFlag", "PreliminaryFlag") if k in dataset]
    title = _concept(dataset) or str(dataset.SOPClassUID.name)
    lines = [f"{title} ({', '.join(flags)})" if flags else title]
    for item in dataset.get("ContentSequence") or ():
        lines += _lines(item, 1)
    return lines


def _lines(item: Dataset, depth: int) -> list[str]:
    if depth > MAX_DEPTH:
        return [f"{'  ' * depth}..."]
    value, concept = _value(item), _concept(item)
    words = f"{concept}: {value}" if concept and value else concept or value or str(item.get("ValueType", "?"))
    indent = "  " * depth
    lines = [indent + line for line in words.splitlines()]
    for child in item.get("ContentSequence") or ():
        lines += _lines(child, depth + 1)
    return lines


def _concept(item: Dataset) -> str:
    return _meaning(item, "ConceptNameCodeSequence")


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword)
    return str(codes[0].get("CodeMeaning", "")) if codes else ""


def _value(item: Dataset) -> str:
    """The value of a content item, by its value type (PS3.3 C.17.3.2.1)."""
    match item.get("ValueType"):
        case "TEXT":
            return str(item.get("TextValue", ""))
        case "CODE":
            return _meaning(item, "ConceptCodeSequence")
        case "NUM":
            return _number(item)
        case "UIDREF":
            return str(item.get("UID", ""))
        case "PNAME":
            return str(item.get("PersonName", ""))
        case "DATE" | "TIME" | "DATETIME" as kind:
            return str(item.get({"DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}[kind], ""))
        case "IMAGE" | "COMPOSITE" | "WAVEFORM":
            return _reference(item)
        case "SCOORD" | "SCOORD3D":
            numbers = " ".join(f"{number:g}" for number in item.get("GraphicData") or ())
            return f"{item.get('GraphicType', '')} {numbers}"
        case _:
            return ""


def _number(item: Dataset) -> str:
    measured = item.get("MeasuredValueSequence")
    if not measured:
        return "no value"
    unit = measured[0].get("MeasurementUnitsCodeSequence")
    return f"{measured[0].get('NumericValue', '')} {unit[0].get('CodeValue', '') if unit else ''}".rstrip()


def _reference(item: Dataset) -> str:
    references = item.get("ReferencedSOPSequence")
    if not references:
        return ""
    one = references[0]
    frame = f" frame {one.ReferencedFrameNumber}" if "ReferencedFrameNumber" in one else ""
    return f"{one.ReferencedSOPClassUID.name} {one.ReferencedSOPInstanceUID}{frame}"
