"""What a TID 1500 report says, read with pydicom alone: (finding, side) pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage

NAMES = {
    "8186001": "cardiomegaly",
    "60046008": "pleural effusion",
    "36118008": "pneumothorax",
    "27925004": "nodule",
    "260376009": "mediastinal widening",
    "95436008": "consolidation",
    "33737001": "rib fracture",
    "87433001": "emphysema",
    "52124006": "central venous line",
    "26412008": "endotracheal tube",
}
_FINDING, _PRESENCE, _SITE, _LATERALITY = "121071", "705057003", "363698007", "272741003"


def present_findings(report: Dataset) -> frozenset[tuple[str, str]]:
    """(finding, side) of every measurement group that is coded as present."""
    assert report.SOPClassUID == Comprehensive3DSRStorage
    return frozenset(found for group in _groups(report) if (found := _present(group)))


def stated_findings(report: Dataset) -> set[str]:
    """Every finding that the report states, present or absent."""
    return {NAMES[str(_code(group, _FINDING))] for group in _groups(report)}


def of_class(reports: Iterable[Dataset], sop_class: str) -> list[Dataset]:
    return [report for report in reports if report.SOPClassUID == sop_class]


def _groups(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        if _concept(child) == "125007":
            yield child
        yield from _groups(child)


def _present(group: Dataset) -> tuple[str, str] | None:
    if _code(group, _PRESENCE) != "52101004":
        return None
    of_the_site = [_code(child, _LATERALITY) for child in group.ContentSequence if _concept(child) == _SITE]
    side = next(filter(None, [*of_the_site, _code(group, _LATERALITY)]), None)
    return NAMES[str(_code(group, _FINDING))], {"24028007": "right", "7771000": "left"}.get(str(side), "")


def _code(item: Dataset, concept: str) -> str | None:
    for child in item.get("ContentSequence", []):
        if _concept(child) == concept and "ConceptCodeSequence" in child:
            return str(child.ConceptCodeSequence[0].CodeValue)
    return None


def _concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue) if "ConceptNameCodeSequence" in item else ""
