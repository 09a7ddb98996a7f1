"""Missing finding: the AI reading has one, and the text is silent about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.devices import devices
from service.domain.prose.side import Side
from service.domain.prose.vocabulary import akin
from service.domain.quality.case import Case, Seen
from service.domain.quality.issue import Issue, Kind, Severity, missing

_GRAVE = frozenset(("pneumothorax", "mediastinal widening", "pneumoperitoneum", "hemorrhage", "pulmonary embolism"))

_WORDS = {
    "edema": r"failure|overload|kerley|stau\w*|septal",
    "consolidation": r"airspace|air bronchogram\w*|pneumobronchogramm",
    "atelectasis": r"collaps\w+|volume loss|kollab\w+",
    "pneumothorax": r"ptx|pleura\w* line|hydropneumo\w+",
    "pleural effusion": r"fluid|blunt\w*",
    "fracture": r"broken|break|deform\w+|wedg\w+|height|sinter\w*|kyphoplast\w+|gebrochen",
}
_SILENT = {name: re.compile(rf"\b(?:{words})", re.IGNORECASE) for name, words in _WORDS.items()}
"""Words by which a text may speak of a finding without naming it: then its silence is a hint only."""


def issues(case: Case) -> Iterator[Issue]:
    """One for each finding that the text does not name, in whatever words, stated, doubted or denied."""
    named = {each.name for each in case.reading.told} | {each.name for each in devices(case.reading)}
    for each in case.seen:
        if each.present and not any(akin(each.name, name) for name in named):
            hidden = _SILENT[each.name].search(case.text) if each.name in _SILENT else None
            severity = Severity.CRITICAL if each.name in _GRAVE else Severity.MAJOR
            message = f"The AI reading has {_words(each)}, the report does not mention it: add it or deny it."
            yield missing(
                case.text, Kind.MISSING_FINDING, severity, "missing-finding.reading", message, likely=not hidden
            )


def _words(seen: Seen) -> str:
    side = {Side.BOTH: "bilateral ", Side.UNSAID: ""}.get(seen.side, f"{seen.side} ")
    return f"{side}{seen.name}"
