"""Whether a content tree is one that its class and its template allow, and refers to nothing that is not listed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    KeyObjectSelectionDocumentStorage,
)

from dicom_nodes.objects import concepts
from service.domain.report import NOTICES

_WORDS = frozenset({"TEXT", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME"})
_OBJECTS = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})
_PLACES = frozenset({"SCOORD", "TCOORD"})
_ANY = frozenset({"CONTAINER", "NUM", *_WORDS, *_OBJECTS, *_PLACES})


class Rule(NamedTuple):
    """Which value types may stand above and below a relationship."""

    above: frozenset[str]
    below: frozenset[str]


_MODIFIED = Rule(_ANY, frozenset({"TEXT", "CODE"}))
_ACQUIRED = Rule(_OBJECTS | {"CONTAINER", "NUM"}, _WORDS | {"NUM", "CONTAINER"})
_BASIC = {
    "CONTAINS": Rule(frozenset({"CONTAINER"}), _WORDS | _OBJECTS | {"CONTAINER"}),
    "HAS OBS CONTEXT": Rule(frozenset({"CONTAINER", "TEXT", "CODE"}), _WORDS | {"COMPOSITE"}),
    "HAS ACQ CONTEXT": _ACQUIRED,
    "HAS CONCEPT MOD": _MODIFIED,
    "HAS PROPERTIES": Rule(frozenset({"TEXT", "CODE"}), _WORDS | _OBJECTS),
    "INFERRED FROM": Rule(frozenset({"TEXT", "CODE"}), _WORDS | _OBJECTS),
}
_MEASURING = frozenset({"TEXT", "CODE", "NUM"})
_COMPREHENSIVE = {
    "CONTAINS": Rule(frozenset({"CONTAINER"}), _ANY),
    "HAS OBS CONTEXT": Rule(_MEASURING | {"CONTAINER"}, _WORDS | {"NUM", "COMPOSITE"}),
    "HAS ACQ CONTEXT": _ACQUIRED,
    "HAS CONCEPT MOD": _MODIFIED,
    "HAS PROPERTIES": Rule(_MEASURING, _ANY),
    "INFERRED FROM": Rule(_MEASURING, _ANY),
    "SELECTED FROM": Rule(_PLACES, _OBJECTS | {"SCOORD"}),
}
_SELECTION = {
    "CONTAINS": Rule(frozenset({"CONTAINER"}), _OBJECTS | {"TEXT"}),
    "HAS OBS CONTEXT": Rule(frozenset({"CONTAINER"}), frozenset({"TEXT", "CODE", "UIDREF", "PNAME"})),
    "HAS CONCEPT MOD": Rule(frozenset({"CONTAINER"}), frozenset({"CODE"})),
}
_RELATIONSHIPS: Mapping[UID, Mapping[str, Rule]] = {
    BasicTextSRStorage: _BASIC,
    ComprehensiveSRStorage: _COMPREHENSIVE,
    Comprehensive3DSRStorage: _COMPREHENSIVE,
    KeyObjectSelectionDocumentStorage: _SELECTION,
}
"""PS3.3 A.35.1.3.2, A.35.3.3.2, A.35.13.3.2, A.35.4.3.1.3."""
_TITLES = {
    concepts.DIAGNOSTIC_IMAGING_REPORT.value: "2000",
    concepts.IMAGING_MEASUREMENT_REPORT.value: "1500",
    concepts.OF_INTEREST.value: "2010",
}
"""Root templates by document title."""


def tree_complaints(dataset: Dataset) -> Iterator[str]:
    """What is wrong with the tree whose root is `dataset`, each as a sentence."""
    yield from _root(dataset)
    rules = _RELATIONSHIPS.get(dataset.get("SOPClassUID"))
    listed = _listed(dataset)
    for above, item in _pairs(dataset):
        if rules is not None:
            yield from _relationship(above, item, rules)
        yield from _named(item)
        yield from _VALUES.get(item.get("ValueType"), _nothing)(item)
        for reference in item.get("ReferencedSOPSequence", ()):
            if reference.get("ReferencedSOPInstanceUID") not in listed:
                yield f"{reference.get('ReferencedSOPInstanceUID')} is referred to and not listed as evidence"
    yield from _groups(dataset)


def _pairs(above: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
    """Every content item with the one above it, from the top."""
    for item in above.get("ContentSequence") or ():
        yield above, item
        yield from _pairs(item)


def _listed(dataset: Dataset) -> set[str]:
    """Instances in the two evidence sequences (PS3.3 C.17.2.1)."""
    studies = chain(
        dataset.get("CurrentRequestedProcedureEvidenceSequence", ()), dataset.get("PertinentOtherEvidenceSequence", ())
    )
    return {
        instance.ReferencedSOPInstanceUID
        for study in studies
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }


def _root(dataset: Dataset) -> Iterator[str]:
    """Title and template belong together, and the first thing that is read is the notice (invariant 8)."""
    title = _code_value(dataset, "ConceptNameCodeSequence")
    template = dataset.get("ContentTemplateSequence", [Dataset()])[0].get("TemplateIdentifier")
    if title in _TITLES and template != _TITLES[title]:
        yield f"the root names template {template}, its title asks for {_TITLES[title]}"
    first = next((i for _, i in _pairs(dataset) if _is_read(i)), Dataset())
    if title in _TITLES and not str(first.get("TextValue", "")).startswith(NOTICES):
        yield "the first visible line does not say that no radiologist has read it"


def _is_read(item: Dataset) -> bool:
    return bool(item.get("RelationshipType") == "CONTAINS" and item.get("ValueType") != "CONTAINER")


def _relationship(above: Dataset, item: Dataset, rules: Mapping[str, Rule]) -> Iterator[str]:
    relation, kinds = item.get("RelationshipType"), (above.get("ValueType"), item.get("ValueType"))
    rule = rules.get(str(relation))
    if rule is None or kinds[0] not in rule.above or kinds[1] not in rule.below:
        yield f"{kinds[0]} {relation} {kinds[1]} is not allowed in this class"


def _named(item: Dataset) -> Iterator[str]:
    """A concept name is a whole code; images alone may go without."""
    if "ConceptNameCodeSequence" in item:
        yield from _code(item, "ConceptNameCodeSequence")
    elif item.get("ValueType") not in _OBJECTS:
        yield f"a {item.get('ValueType')} has no concept name"


def _code(item: Dataset, keyword: str) -> Iterator[str]:
    """Code Sequence Macro (PS3.3 8.8): value, scheme and meaning."""
    codes = item.get(keyword) or ()
    whole = [
        (code.get("CodeValue") or code.get("LongCodeValue")) and code.get("CodingSchemeDesignator") and
        code.get("CodeMeaning")
        for code in codes
    ]  # fmt: skip
    if len(whole) != 1 or not all(whole):
        yield f"{keyword} of a {item.get('ValueType', 'NUM')} is not one whole code"


def _code_value(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword)
    return str(codes[0].get("CodeValue", "")) if codes else ""


def _text(item: Dataset) -> Iterator[str]:
    if not str(item.get("TextValue", "")).strip():
        yield "a TEXT says nothing"


def _coded(item: Dataset) -> Iterator[str]:
    yield from _code(item, "ConceptCodeSequence")


def _number(item: Dataset) -> Iterator[str]:
    """A finite number and its unit."""
    for measured in item.get("MeasuredValueSequence", ()):
        if not math.isfinite(float(measured.get("NumericValue", math.nan))):
            yield "a NUM has no number"
        yield from _code(measured, "MeasurementUnitsCodeSequence")
    if len(item.get("MeasuredValueSequence", ())) != 1:
        yield "a NUM has no measured value"


def _uid(item: Dataset) -> Iterator[str]:
    if not item.get("UID"):
        yield "a UIDREF names no UID"


def _reference(item: Dataset) -> Iterator[str]:
    references = item.get("ReferencedSOPSequence", ())
    if len(references) != 1 or not references[0].get("ReferencedSOPClassUID"):
        yield f"a {item.get('ValueType')} does not name one instance"


def _coordinates(item: Dataset) -> Iterator[str]:
    """Pairs of finite numbers, closed where they bound an area, selected from an image (PS3.3 C.18.6)."""
    data = [float(number) for number in item.get("GraphicData") or ()]
    if not data or len(data) % 2 or not all(map(math.isfinite, data)):
        yield "an SCOORD has no pairs of finite coordinates"
    elif item.get("GraphicType") == "POLYLINE" and data[:2] != data[-2:]:
        yield "the outline of a region is not closed"
    if not any(child.get("RelationshipType") == "SELECTED FROM" for child in item.get("ContentSequence", ())):
        yield "an SCOORD names no image"


def _nothing(item: Dataset) -> Iterator[str]:
    yield from ()


_VALUES: Mapping[str, Callable[[Dataset], Iterator[str]]] = {
    "TEXT": _text, "CODE": _coded, "NUM": _number, "UIDREF": _uid, "IMAGE": _reference, "COMPOSITE": _reference,
    "SCOORD": _coordinates,
}  # fmt: skip


def _groups(dataset: Dataset) -> Iterator[str]:
    """Measurement groups: each tracked under a UID of its own, all of one template (TID 1410, 1411, 1501)."""
    groups = [
        i for _, i in _pairs(dataset) if _code_value(i, "ConceptNameCodeSequence") == concepts.MEASUREMENT_GROUP.value
    ]
    uids = [uid for group in groups for uid in _tracking(group)]
    if len(uids) != len(groups) or len(set(uids)) != len(uids):
        yield "not every measurement group has one tracking UID of its own"
    templates = {group.get("ContentTemplateSequence", [Dataset()])[0].get("TemplateIdentifier") for group in groups}
    if len(templates) > 1:
        yield "measurement groups of several templates stand in one document"


def _tracking(group: Dataset) -> Iterator[str]:
    for item in group.get("ContentSequence", ()):
        if _code_value(item, "ConceptNameCodeSequence") == concepts.TRACKING_UID.value:
            yield str(item.get("UID", ""))
