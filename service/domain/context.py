"""What of a header may stand in a prompt: listed fields, quoted, short, and without patient, identifiers and dates.

Text out of a header is written by others, so it is data and never an instruction: one line of JSON, after the images
and before the question. Nothing in it can make the question fail.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping

from service.domain.report import Finding
from service.domain.study import Identity, Instance

FIELDS: Mapping[str, tuple[str, ...]] = {
    "indication": ("ReasonForTheRequestedProcedure", "ReasonForStudy"),
    "technique": ("ViewPosition",),
    "body_part": ("BodyPartExamined",),
}
"""Every field of the header, with the attributes that it is taken from: the first that says something."""
MEASUREMENTS = "measurements"
"""What earlier steps of the protocol measured: the field that no header states."""
ALL = (*FIELDS, MEASUREMENTS)
MAX_MEASUREMENTS = 20
MAX_CHARACTERS = 200
"""Of one field."""

_DEFUSED = str.maketrans({"<": "(", ">": ")", "[": "(", "]": ")", "{": "(", "}": ")", "|": "/"})
"""What the marks of every chat template in use are written with (`<|image|>`, `[INST]`, `</s>`)."""
_DATES_AND_NUMBERS = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{6,}")
_REMOVED = "-"


def context_line(
    fields: Iterable[str], instance: Instance, identity: Identity, measured: Iterable[Finding] = ()
) -> str:
    """`Context: {...}` and a line end, with those of `fields` that header and measures state; empty if neither does."""
    told = {
        field: _measured(measured) if field == MEASUREMENTS else _harmless(_stated(field, instance), identity)
        for field in fields
    }
    said = {field: text for field, text in told.items() if text}
    return f"Context: {json.dumps(said, ensure_ascii=False, separators=(',', ':'))}\n" if said else ""


def _stated(field: str, instance: Instance) -> str:
    return next((text for keyword in FIELDS[field] if (text := instance.attributes.get(keyword, ""))), "")


def _measured(findings: Iterable[Finding]) -> str:
    """Every measurement, named as the report names it; equal findings, equal words."""
    said = [
        f"{finding.concept.meaning.lower()}: {measurement.name} {measurement.text}"
        for finding in findings
        for measurement in finding.measurements
    ]
    return "; ".join(dict.fromkeys(said[:MAX_MEASUREMENTS])).translate(_DEFUSED)


def _harmless(text: str, identity: Identity) -> str:
    """One short line of printable characters that no tokenizer reads as a mark and that names nobody."""
    # Compatibility forms first: some tokenizers fold a full-width "<" into a plain one.
    folded = unicodedata.normalize("NFKC", text)
    printable = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in folded)
    anonymous = _DATES_AND_NUMBERS.sub(_REMOVED, _without(identity, printable))
    return " ".join(anonymous.translate(_DEFUSED).split())[:MAX_CHARACTERS].strip()


def _without(identity: Identity, text: str) -> str:
    """`text` without what names the patient or the order."""
    patient = identity.patient
    names = [part for name in (patient.name, identity.referring_physician) for part in re.split(r"[\^=\s,]+", name)]
    numbers = [patient.patient_id, identity.accession_number, *(other for other, _ in identity.other_patient_ids)]
    words = sorted({word for word in (*names, *numbers) if len(word) > 1}, key=len, reverse=True)
    if not words:
        return text
    named = "|".join(re.escape(unicodedata.normalize("NFKC", word)) for word in words)
    return re.sub(rf"(?<!\w)({named})(?!\w)", _REMOVED, text, flags=re.IGNORECASE)
