"""Negation: what is stated in one place and denied in another, or the opposite of what the AI reading says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.mention import Mention
from service.domain.prose.scope import denies_all
from service.domain.prose.sections import Part
from service.domain.prose.side import Side
from service.domain.prose.site import sites
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_TWO = re.compile(
    r"\b(?:no|kein\w*) (?:[^\W\d_]+ )?[^\W\d_]+(?:, | and | und )((?:pleural )?[^\W\d_]{6,})(?=[.;]|$)", re.IGNORECASE
)
_PAST = re.compile(
    r"\b(?:old|healed|chronic|prior|previous|known|former|remote|treated|alte[rsnm]?|ältere[rsnm]?|verheilt\w*"
    r"|konsolidiert\w*|bekannte?[rsnm]?)\b",
    re.IGNORECASE,
)
"""Beside one of these words a denial may mean a new one only."""
_LABEL = re.compile(r"\A[\s*•\-–\d.)]*([^\W\d_][^:.\n]{1,30}):")
"""What a line is about, where it begins with that: "Kidneys:"."""
_ANYWHERE = frozenset(
    ("fracture", "mass", "nodule", "cyst", "calculus", "hemorrhage", "infarct", "edema", "abscess", "metastasis",
     "lymphadenopathy", "degeneration", "calcification", "aneurysm", "dissection", "contusion", "obstruction")
)  # fmt: skip
"""Findings that more than one organ may have."""


def issues(case: Case) -> Iterator[Issue]:
    """Within the findings, then against the AI reading; the impression's contradictions are a kind of their own."""
    findings = [each for each in case.reading.told if case.reading.part(each.span.start) is Part.FINDINGS]
    for each in findings:
        for denial in _denials(each, findings)[:1]:
            message = f"The findings state {each.name} and deny it ({denial.clause.text!r}): keep what is right."
            likely = _flat(denial, each, findings)
            yield at(each.span, Kind.NEGATION, Severity.CRITICAL, "negation.findings", message, likely=likely)
    for sentence in case.reading.sentences(Part.FINDINGS):
        yield from _open_list(case, sentence)
    for part in (Part.FINDINGS, Part.IMPRESSION):
        told = [each for each in case.reading.told if case.reading.part(each.span.start) is part]
        for name in dict.fromkeys(each.name for each in told):
            yield from _against_reading(case, name, [each for each in told if each.name == name])


def _open_list(case: Case, sentence: Span) -> Iterator[Issue]:
    """ "No effusion, pneumothorax." A "no" may be missing before the second."""
    for found in _TWO.finditer(sentence.text):
        second = sentence.start + found.start(1)
        if any(each.span.start == second for each in case.reading.mentions):
            span = Span(sentence.start + found.start(), sentence.start + found.end(), found[0])
            message = f"{found[0]!r} may deny both or state the second: say which."
            yield at(span, Kind.NEGATION, Severity.MAJOR, "negation.list", message, likely="," in found[0])


def _denials(stated: Mention, findings: Sequence[Mention]) -> list[Mention]:
    """The denials of what is stated, on the same side or without one, the flattest first."""
    if not stated.present:
        return []
    found = [each for each in findings if each.name == stated.name and each.absent and each.clause != stated.clause]
    same = [each for each in found if each.side in {Side.UNSAID, stated.side} or stated.side is Side.UNSAID]
    return sorted(same, key=lambda each: not _flat(each, stated, findings))


def _flat(denial: Mention, stated: Mention, findings: Sequence[Mention]) -> bool:
    """Whether the denial leaves nothing of what is stated; "no other" and "no new" deny something else."""
    beside = denial.side is stated.side or denial.side is Side.UNSAID
    if _elsewhere(denial, stated):
        return False
    return beside and denies_all(denial, findings, stated.clause.text) and not _PAST.search(stated.clause.text)


def _elsewhere(denial: Mention, stated: Mention) -> bool:
    """Whether two sentences tell of different parts of the body: by what they name, or by their labels."""
    here, there = sites(denial.sentence.text), sites(stated.sentence.text)
    labels = [found[1].casefold() for each in (denial, stated) if (found := _LABEL.match(each.sentence.text))]
    labelled = stated.name in _ANYWHERE and len(set(labels)) > 1
    return labelled or bool(here and there and not here & there)


def _against_reading(case: Case, name: str, mentions: Sequence[Mention]) -> Iterator[Issue]:
    seen = {one.present for one in case.seen if one.name == name}
    if len(seen) != 1:
        return
    present = seen == {True}
    against = [each for each in mentions if (each.absent if present else each.present)]
    if against and len(against) == len(mentions):
        likely = all(denies_all(each, case.reading.mentions) for each in against) if present else True
        told = f"The report {'denies' if present else 'states'} {name}, the AI reading does not"
        message = f"{told}: look at the images again."
        yield at(against[0].span, Kind.NEGATION, Severity.CRITICAL, "negation.reading", message, likely=likely)
