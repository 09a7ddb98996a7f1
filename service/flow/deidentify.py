"""Deidentify: one signed report as a line that a learning loop reads, without whom it is about or who signed it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from service.domain.became import became
from service.domain.code import Code
from service.domain.edit import EditClass, History, Provenance
from service.domain.pseudonym import Pseudonyms
from service.domain.report import Evidence, Finding, Report, Section
from service.domain.review import Signed
from service.domain.scrub import Known, leaks, scrub
from service.domain.study import Identity
from service.domain.wording import sentences
from service.flow.review import HEADINGS, rests_on

SCHEMA = "preread.edits/1"
_Json = dict[str, Any]


class StillThere(ValueError):
    """Something that is known of a person stands in a text that was scrubbed: it is not given away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Everything that one line is made of."""

    reading: str
    study: str
    identity: Identity
    known: Known
    report: Report
    history: History
    signed: Signed
    provenance: Mapping[str, Any]
    prompts: Mapping[str, str]
    """Digest of a model -> digest of the prompt that it was asked with."""


def known_of(identity: Identity, signed: Signed) -> Known:
    """What the ledger knows of patient and signers."""
    people = (signed.signature.observer, *(each.observer for each in signed.addenda))
    numbers = (
        identity.patient.patient_id, identity.accession_number, identity.study_id,
        *chain.from_iterable(identity.other_patient_ids[:20]), *chain.from_iterable(identity.requests[:20]),
    )  # fmt: skip
    return Known(
        names=_some(identity.patient.name, identity.referring_physician, *(each.name for each in people)),
        places=_some(*(each.organization for each in people)),
        numbers=_some(*numbers),
        dates=_some(identity.patient.birth_date, identity.study_date),
    )


def patient_of(case: Case) -> str:
    """What a patient's pseudonym is made of: identifier and issuer, else the study."""
    patient = case.identity.patient
    return f"{patient.patient_id}\0{patient.issuer}" if patient.patient_id else case.study


def line_of(case: Case, pseudonyms: Pseudonyms) -> _Json:
    """The line of one signed report. Raises StillThere, and ValueError for a text that is too long to be scrubbed."""
    patient, report = patient_of(case), case.report
    draft, final = _draft(case), _final(case)
    signature = case.signed.signature
    return {
        "schema": SCHEMA,
        "report": pseudonyms.of("report", case.reading),
        "study": pseudonyms.uid(case.study),
        "patient": pseudonyms.of("patient", patient),
        "reviewer": pseudonyms.of("reviewer", signature.observer.name),
        "signed": pseudonyms.instant(signature.at, patient).date().isoformat(),
        "seconds": round(sum(each.seconds for each in case.history.saves), 1),
        "saves": len(case.history.saves),
        "language": report.language,
        "procedure": _code(report.procedure),
        "models": [
            {"name": each.name, "version": each.version, "digest": each.digest, "manufacturer": each.manufacturer,
             "adapter": _adapter(case.history), "prompt": case.prompts.get(each.digest, "")}
            for each in report.algorithms
        ],
        "protocol": str(case.provenance.get("protocol_digest", "")),
        "draft": draft,
        "final": final,
        "addenda": [_clean(each.text, case.known) for each in case.signed.addenda],
        "suggestions": list(_suggestions(case)),
        "findings": [_finding(each, pseudonyms) for each in report.findings],
        "images": [_image(each, pseudonyms) for each in report.images],
    }  # fmt: skip


def as_line(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n"


def _draft(case: Case) -> _Json:
    """The drafted text and its sentences: where each stands, what it rests on, and what became of it."""
    cited, drafted = rests_on(case.report, case.history.draft), sentences(case.history.draft)
    after = became(drafted, case.history.spans, cited, HEADINGS)
    found: list[_Json] = []
    text, section = "", Section.FINDINGS
    for number, said in enumerate(drafted):
        section = HEADINGS.get(said.strip(), section)
        clean, start = _clean(said, case.known), len(text)
        text += clean
        if said.strip() and said.strip() not in HEADINGS:
            kinds = after[number].changed(said) if number in after else (EditClass.DELETE,)
            found.append(
                _span(clean, start) | {"section": section.value, "findings": list(cited.get(number, ())),
                                            "classes": [kind.value for kind in kinds]}
            )  # fmt: skip
    return {"text": text, "sentences": found}


def _final(case: Case) -> _Json:
    """The signed text and its sentences: where each stands, who wrote it, and which drafted one it was, from 0."""
    numbers = _numbered(case.history.draft)
    found: list[_Json] = []
    text, section = "", Section.FINDINGS
    for span in case.history.spans:
        section = HEADINGS.get(span.text.strip(), section)
        clean, start = _clean(span.text, case.known), len(text)
        text += clean
        if span.text.strip() and span.text.strip() not in HEADINGS:
            origin = None if span.origin is None else numbers.get(span.origin)
            human = span.provenance is Provenance.HUMAN
            found.append(
                _span(clean, start) | {"section": section.value, "provenance": span.provenance.value,
                                            "origin": origin, "classes": ["insert"] if human else [],
                                            "findings": list(span.findings)}
            )  # fmt: skip
    return {"text": text, "sentences": found}


def _span(text: str, start: int) -> _Json:
    return {"start": start, "end": start + len(text.rstrip()), "text": text.strip()}


def _numbered(draft: str) -> Mapping[int, int]:
    """Sentence of the text -> sentence of the line, which leaves out headings."""
    said = [n for n, text in enumerate(sentences(draft)) if text.strip() and text.strip() not in HEADINGS]
    return {number: place for place, number in enumerate(said)}


def _suggestions(case: Case) -> Iterator[_Json]:
    for revision in case.history.revisions:
        if (offered := revision.suggestion) is not None:
            yield {
                "model": revision.model, "section": offered.section, "start": offered.start,
                "text": _clean(offered.text, case.known), "taken": offered.taken,
                "unsupported": [_clean(why, case.known) for why in offered.unsupported],
            }  # fmt: skip


def _finding(finding: Finding, pseudonyms: Pseudonyms) -> _Json:
    return {
        "id": finding.tracking_id, "concept": _code(finding.concept), "present": finding.present,
        "site": _code(finding.site), "laterality": _code(finding.laterality), "severity": _code(finding.severity),
        "probability": finding.probability,
        "measurements": [
            {"concept": _code(each.concept), "value": each.value, "unit": _code(each.unit)}
            for each in finding.measurements
        ],
        "places": [_image(each, pseudonyms) for each in finding.evidence],
    }  # fmt: skip


def _image(evidence: Evidence, pseudonyms: Pseudonyms) -> _Json:
    region = evidence.region
    return {
        "sop_class": evidence.sop_class_uid, "instance": pseudonyms.uid(evidence.sop_instance_uid),
        "series": pseudonyms.uid(evidence.series_instance_uid), "frame": evidence.frame,
        "box": [region.left, region.top, region.right, region.bottom] if region else None,
    }  # fmt: skip


def _code(code: Code | None) -> _Json | None:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning} if code else None


def _adapter(history: History) -> str:
    return next((each.adapter for each in history.revisions), "")


def _clean(text: str, known: Known) -> str:
    """Scrubbed, with the white space at its end. Raises StillThere."""
    clean = scrub(text, known)
    if leaks(clean, known):
        raise StillThere("something that is known of a person stands in a text that was scrubbed")
    return clean


def _some(*values: str) -> frozenset[str]:
    return frozenset(value for value in values if value and value.strip())
