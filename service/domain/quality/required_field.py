"""Required field: a placeholder that nobody filled in, or a header with nothing after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_OPEN = re.compile(
    r"\[(?!sic\])[^\]\n\d]{0,40}\]|(?<!^)_{3,}|\*{3}(?!\s*(?:addendum|end|nachtrag))(?<!addendum \*\*\*)(?!\*)"
    r"|<(?=[a-zäöü])[^>\n]{1,40}>|\{[^}\n]{1,40}\}"
    r"|\b(?:X{2,}|TBD|TODO|FIXME)\b(?=\s*(?:mm|cm|\.|,|$|\n))|\.{4,}|\?{3,}",
    re.IGNORECASE | re.MULTILINE,
)
_ADDENDUM = re.compile(r"\*{3}\s*(?:end of )?addendum\s*\*{3}|\*{3} (?:END OF )?ADDENDUM \*{3}", re.IGNORECASE)
_NEEDED = frozenset((Part.INDICATION, Part.TECHNIQUE, Part.COMPARISON, Part.FINDINGS, Part.IMPRESSION))


def issues(case: Case) -> Iterator[Issue]:
    """Each one where it stands."""
    plain = _ADDENDUM.sub(lambda found: "~" * len(found[0]), case.text)
    for found in _OPEN.finditer(plain):
        message = f"{found[0]!r} was not filled in: fill it in, or delete it."
        yield at(Span(found.start(), found.end(), found[0]), Kind.FIELD, Severity.MAJOR, "field.placeholder", message)
    sections = case.reading.sections
    for number, section in enumerate(sections):
        further = sections[number + 1] if number + 1 < len(sections) else None
        lines = bool(further and further.part is section.part)
        if section.header and section.part in _NEEDED and not section.body.text and not lines:
            span = Span(section.start, section.start + len(section.header), section.header)
            message = f"Nothing stands after {section.header!r}: fill it in, or delete the header."
            yield at(span, Kind.FIELD, Severity.MINOR, "field.empty", message)
