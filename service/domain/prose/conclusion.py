"""Conclusion: the last paragraph of a report that heads no impression, where it sums up what stands before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from service.domain.prose.mention import Mention
from service.domain.prose.sections import Part, Section
from service.domain.prose.span import Span

_SUMS_UP = re.compile(
    r"^\W*(?:\d\.\s*)?(?:no (?:\w+ )?(?:acute|active|significant|evidence|sign|definite|change)|normal"
    r"|unremarkable|negative"
    r"|nil|stable|unchanged|improv\w+|findings|likely|probable|probably|suspected|suspicious|kein (?:akute\w*|nachweis"
    r"|hinweis|anhalt)|unauffällig\w*|regelrecht\w*|o\. ?b\.|ob\b|normalbefund|v\. ?a\.|verdacht|am ehesten|bild\w*"
    r"|zustand|befund\w*|sequelae|features|appearances|fit for)",
    re.IGNORECASE,
)
_PARAGRAPH = 8
"""Words of the findings before it; with fewer, lines are no paragraphs."""
_ONE_PARAGRAPH = 20
"""Words of the findings where they are one paragraph and what follows one line: then it needs no further sign."""
_LONGEST = 45
"""Words of a conclusion."""
_LIST = re.compile(r"^\s*(?:[-*•]|[^\W\d_][\w /,&-]{1,30}:)")


def concluded(text: str, sections: tuple[Section, ...], mentions: Sequence[Mention]) -> tuple[Section, ...]:
    """`sections` with the last paragraph as impression, where none is headed and it sums up or names again."""
    if any(each.part is Part.IMPRESSION for each in sections) or not sections or sections[-1].part is not Part.FINDINGS:
        return sections
    last = sections[-1]
    start = text.rfind("\n", last.body.start, last.body.end) + 1
    before, line = text[last.body.start : start], text[start : last.body.end]
    if start <= last.body.start or len(before.split()) < _PARAGRAPH or len(line.split()) > _LONGEST:
        return sections
    listed = bool(_LIST.match(before.rstrip("\n").rpartition("\n")[2]))
    alone = listed or ("\n" not in before.strip() and len(before.split()) >= _ONE_PARAGRAPH)
    if _LIST.match(line) or not (alone or _SUMS_UP.match(line) or _names_again(start, last.body, mentions)):
        return sections
    findings = replace(last, body=Span.of(text, last.body.start, start))
    conclusion = Section(part=Part.IMPRESSION, header="", body=Span.of(text, start, last.body.end), start=start)
    return (*sections[:-1], findings, conclusion)


def _names_again(start: int, body: Span, mentions: Sequence[Mention]) -> bool:
    """Whether the words from `start` on name a finding that the words before it have already."""
    inside = [each for each in mentions if body.holds(each.span.start) and not each.absent]
    before = {each.name for each in inside if each.span.start < start}
    return any(each.name in before for each in inside if each.span.start >= start)
