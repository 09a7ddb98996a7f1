"""Question: what the order asks about, and the report neither states, doubts nor denies in whatever words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.prose.mention import mentions_of
from service.domain.prose.sections import Part
from service.domain.prose.span import Span, sentence_spans
from service.domain.prose.vocabulary import akin
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, missing

_ASKS = re.compile(
    r"\?|\b(?:rule out|r/o|exclude|query|question|suspect\w*|suspicion|evaluate for|assess for|look for|concern for"
    r"|frage|ausschluss|v\. ?a\b|verdacht|abklärung)",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"\b(?:known|history of|h/o|status post|s/p|after|treated|follow-?up|bekannt\w*|zustand nach|z\. ?n\b|nach"
    r"|verlauf\w*)",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\b(?:no (?:\w+ )?(?:acute|significant|active)? ?(?:\w+ )?(?:abnormalit\w+|findings?|process|disease"
    r"|pathology)|normal (?:chest|study|exam\w*"
    r"|head|ct|radiograph|scan|abdomen)|unremarkable (?:study|exam\w*|chest|ct|radiograph)|nil acute|normalbefund"
    r"|unauffällige[rs]? (?:befund|thorax|untersuchung|herz)|kein (?:akuter|pathologischer)(?: \w+)* befund)\b",
    re.IGNORECASE,
)
_MOST = 400
"""Characters of an order's words that are read."""


def issues(case: Case) -> Iterator[Issue]:
    """One for each finding asked about; nothing where the report calls all of it normal."""
    asked = _asked(case.question[:_MOST])
    if not asked or not case.text.strip() or _nothing(case):
        return
    told = {each.name for each in case.reading.told}
    for name in asked:
        if not any(akin(name, each) for each in told):
            message = f"The order asks about {name}, the report does not answer: say whether it is there."
            yield missing(case.text, Kind.QUESTION, Severity.MAJOR, "question.order", message)


def _asked(question: str) -> list[str]:
    """The findings that a question names, in order; none for words that only tell what is known."""
    names = [
        each.name
        for sentence in sentence_spans(Span.of(question, 0, len(question)))
        for each in mentions_of(sentence)
        if not _GIVEN.search(each.clause.text) and (_ASKS.search(each.clause.text) or _ASKS.search(sentence.text))
    ]
    return list(dict.fromkeys(names))


def _nothing(case: Case) -> bool:
    return any(_NOTHING.search(each.text) for each in case.reading.sentences(Part.FINDINGS, Part.IMPRESSION))
