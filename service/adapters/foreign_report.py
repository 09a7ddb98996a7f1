"""A foreign structured report read by pydicom: its narrative and its measurement groups, whatever its structure.

Runs in the bounded child only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from service.adapters.foreign_boxes import boxes_of
from service.domain.code import ABSENT, CERTAINTY
from service.domain.errors import Unreadable
from service.domain.report import NOTICES, Section

MAX_TEXT = 200_000
"""Characters of narrative that are looked at."""
MAX_ITEMS = 20_000
"""Content items that are looked at."""
_FINDINGS, _CONCLUSIONS = Section.FINDINGS.value, Section.CONCLUSIONS.value
_SECTIONS = {
    "121070": _FINDINGS, "121071": _FINDINGS, "59776-5": _FINDINGS, "18782-3": _FINDINGS,
    "121072": _CONCLUSIONS, "121073": _CONCLUSIONS, "121076": _CONCLUSIONS, "121077": _CONCLUSIONS,
    "19005-8": _CONCLUSIONS, "55110-1": _CONCLUSIONS, "55107-7": _CONCLUSIONS,
}  # fmt: skip
"""Headings and elements of CID 7001 and 7002, in DCM and LOINC."""
_ASIDE = frozenset(
    {
        "121111", "121064", "121065", "121060", "121062", "121109", "121110", "11329-0", "55115-0", "55111-9",
        "18834-2", "112039", "113012",
    }
)  # fmt: skip
"""What is no part of what was seen: summary, procedure, history, request, comparison, tracking identifiers."""
_GROUP, _TRACKING_UID, _SITE = "125007", "112040", "363698007"
_HEADING = re.compile(
    r"(?:(?P<f>findings?|befunde?)|(?P<c>impressions?|conclusions?|beurteilung|zusammenfassung))\s*:\s*", re.IGNORECASE
)


def document_of(file: BinaryIO) -> Mapping[str, Any]:
    """The fields of `service.domain.returned.Document` as JSON has them."""
    try:
        dataset = dcmread(file, force=True, stop_before_pixels=True)
    except InvalidDicomError as error:
        raise Unreadable("The object is not DICOM.") from error
    if "ContentSequence" not in dataset:
        raise Unreadable("It has no content.")
    items = list(islice(_walk(dataset, ""), MAX_ITEMS))
    groups = [item for item, _ in items if _code(item) == _GROUP]
    return {
        "verified": dataset.get("VerificationFlag") == "VERIFIED",
        "person": _person(dataset, [item for item, _ in items]),
        "predecessors": [uid for _, uid in _references(dataset, "PredecessorDocumentsSequence")],
        "studies": _studies(dataset),
        "tracked": [_tracked(item) for item in groups],
        "lines": _lines(items),
        "boxes": boxes_of(groups),
        "evidence": _evidence(dataset),
        "title": _title(dataset),
    }


def _walk(above: Dataset, section: str) -> Iterator[tuple[Dataset, str]]:
    """Every content item with the section it stands in; "-" for what is no part of a report or of a group."""
    for item in above.get("ContentSequence") or ():
        concept = _code(item)
        here = "-" if concept in _ASIDE or concept == _GROUP else _SECTIONS.get(concept, section)
        yield item, "-" if section == "-" else here
        yield from _walk(item, "-" if section == "-" else here)


def _lines(items: list[tuple[Dataset, str]]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item, section in items:
        if item.get("ValueType") == "TEXT" and item.get("RelationshipType") == "CONTAINS" and section != "-":
            found += _told(str(item.get("TextValue", ""))[:MAX_TEXT], section or _FINDINGS)
    return found


def _told(text: str, section: str) -> Iterator[tuple[str, str]]:
    """The lines of one TEXT; a heading written into it opens its section."""
    for line in re.split(r"[\r\n\v\f\x85\u2028\u2029]+", text):
        said = line.strip()
        heading = _HEADING.match(said)
        if heading:
            section = _FINDINGS if heading["f"] else _CONCLUSIONS
            said = said[heading.end() :]
        if said and not said.startswith(NOTICES):
            yield section, said


def _tracked(group: Dataset) -> tuple[str, str]:
    """A measurement group as one sentence, of its codes' meanings and its numbers."""
    uid, finding, sites, rest, absent = "", "", [], [], False
    for item in group.get("ContentSequence") or ():
        concept, meaning = _code(item), _meaning(item.get("ConceptCodeSequence"))
        if concept == _TRACKING_UID:
            uid = str(item.get("UID", ""))
        elif concept == "121071" and meaning:
            finding = meaning
        elif concept == _SITE:
            sites += [
                *(_meaning(each.get("ConceptCodeSequence")) for each in item.get("ContentSequence") or ()),
                meaning,
            ]
        elif item.get("ConceptCodeSequence") and item.ConceptCodeSequence[0].get("CodeValue") == ABSENT.value:
            absent = True
        elif item.get("ValueType") == "NUM" and concept != CERTAINTY.value:
            rest.append(_measured(item))
        elif item.get("ValueType") == "CODE" and item.get("RelationshipType") == "CONTAINS" and meaning != "Present":
            rest.append(meaning.lower())
    place = f" ({' '.join(filter(None, sites)).lower()})" if any(sites) else ""
    details = f": {', '.join(rest)}" if rest else ""
    return uid, f"{'No ' if absent else ''}{finding or 'Finding'}{place}{details}."


def _measured(item: Dataset) -> str:
    values = item.get("MeasuredValueSequence") or [Dataset()]
    unit = (values[0].get("MeasurementUnitsCodeSequence") or [Dataset()])[0].get("CodeValue", "")
    return f"{_meaning(item.get('ConceptNameCodeSequence')).lower()} {values[0].get('NumericValue', '')} {unit}".strip()


def _person(dataset: Dataset, items: list[Dataset]) -> str:
    verifying = [str(each.get("VerifyingObserverName", "")) for each in dataset.get("VerifyingObserverSequence") or ()]
    observing = [str(item.get("PersonName", "")) for item in items if _code(item) == "121008"]
    return next(filter(None, [*reversed(verifying), *observing]), "")[:64]


def _studies(dataset: Dataset) -> list[str]:
    names = (
        "PredecessorDocumentsSequence", "CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence",
    )  # fmt: skip
    return list(dict.fromkeys(study for name in names for study, _ in _references(dataset, name)))[:100]


def _evidence(dataset: Dataset) -> list[str]:
    names = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
    return list(dict.fromkeys(uid for name in names for _, uid in _references(dataset, name)))[:MAX_ITEMS]


def _title(dataset: Dataset) -> str:
    codes = dataset.get("ConceptNameCodeSequence")
    if not codes:
        return ""
    value, scheme = (str(codes[0].get(name, "")) for name in ("CodeValue", "CodingSchemeDesignator"))
    return f'({value[:16]}, {scheme[:16]}, "{_meaning(codes)[:64]}")'


def _references(dataset: Dataset, name: str) -> Iterator[tuple[str, str]]:
    """Study and instance of every reference (PS3.3 C.17.2.1)."""
    for study in dataset.get(name) or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            for instance in series.get("ReferencedSOPSequence") or ():
                yield str(study.get("StudyInstanceUID", "")), str(instance.get("ReferencedSOPInstanceUID", ""))


def _code(item: Dataset) -> str:
    codes = item.get("ConceptNameCodeSequence")
    return str(codes[0].get("CodeValue", "")) if codes else ""


def _meaning(codes: Any) -> str:
    return str(codes[0].get("CodeMeaning", "")) if codes else ""
