"""Elsewhere: a question that names another patient, another study, or a number that is not this study's."""

from __future__ import annotations

import re
from collections.abc import Iterable

_GERMAN = re.compile(
    r"\b(?:der|die|das|den|dem|des|ein|eine[nmrs]?|ist|sind|war|hat|gibt|liegt|besteht|welche[rsnm]?|wie|wo|was|und|oder"
    r"|von|kein\w*|zeigt|bei|auf|seit)\b",
    re.IGNORECASE,
)
_PEOPLE = (
    r"\b(?i:another|other|different|previous|next|last|every|all)(?: of)?(?: the)? (?i:patients?|persons?|people)\b",
    r"\b(?i:andere[nrsm]?|nächste[nrsm]?|vorige[nrsm]?|vorherige[nrsm]?|letzte[nrsm]?|alle[nr]?)"
    r" (?i:patient\w*|person\w*)",
    r"\b(?i:mr|mrs|ms|miss|herrn?|frau|hr|fr)\b\.? [A-ZÄÖÜ][\w'-]+(?: [A-ZÄÖÜ][\w'-]+)?",
    r"\b(?i:patient(?:en|in)?) (?i:named|called|namens|mit (?:dem )?namen)\b(?: \S+){0,2}",
)
_NAMED = r"\b[Pp]atient [A-Z][\w'-]+"
"""In English alone: a German noun has a capital, too."""
_NUMBERS = (
    r"\b(?i:accession(?: (?:number|no\.?|#))?|mrn|pid|patient id|auftragsnummer|anforderungsnummer|zugangsnummer"
    r"|fallnummer|patientennummer|patienten-id)\b[:# ]*[\w./-]*",
    r"\b\d+(?:\.\d+){4,}\b",
    r"\b[A-Z]{0,4}-?\d{6,}\b",
    r"\b(?i:bed|room|ward|bett|zimmer|station) ?(?i:no\.? ?|nr\.? ?)?\d+\b",
)
_STUDIES = (
    r"\b(?i:another|other|different|all|every)(?: of)?(?: the)? (?i:studies|study|reports?|exams?|examinations?)\b",
    r"\b(?i:andere[nrsm]?|alle[nr]?) (?i:studien?|befunde?n?|untersuchung(?:en)?)\b",
)


def elsewhere(question: str, own: Iterable[str] = ()) -> str:
    """The words of `question` that name somebody or something else; empty for none.

    `own`: numbers and parts of names of this patient and study, which may be said. A bare name without "Mr" or
    "patient" is not recognised; nothing but the report at hand is ever looked at, whatever is asked.
    """
    known = {each.casefold() for each in own if len(each) > 1}
    patterns = [*_PEOPLE, *_NUMBERS, *_STUDIES]
    if not _GERMAN.search(question):
        patterns.append(_NAMED)
    for found in (match for pattern in patterns for match in re.finditer(pattern, question)):
        words = {each.casefold() for each in re.findall(r"[\w./-]+", found[0])}
        if not words & known:
            return found[0].strip()
    return ""
