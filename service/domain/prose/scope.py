"""Scope: whether a denial denies the whole of a finding, or only a part, a kind or a place of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from service.domain.prose.mention import Mention
from service.domain.prose.span import Span

_SAYS_NOTHING = frozenset(
    word
    for words in (
        "no not without there is are was were has have been be evidence of any a an the or and nor neither sign signs",
        "seen identified present visible evident demonstrated detected appreciated shown noted found apparent on",
        "either side for suggest in this study examination image images radiograph film both associated discrete",
        "definite convincing radiographic ct sonographic obvious findings finding also none do does did i we see can",
        "could now at time today supine after following procedure removal placement view views sized intervention",
        "puncture biopsy nach punktion anlage entfernung liegen aufnahme specifically pleural right left bilateral",
        "lung lungs negative absent normal kein keine keinen keiner keines ohne nicht nachweis nachweisbar hinweis",
        "hinweise anhalt auf für von eines einer ein eine und oder noch weder sich es liegt vor ist sind im der die",
        "das des den beidseits abgrenzbar erkennbar sichtbar darstellbar rechts links zeichen sicherer eindeutiger",
        "vorliegend",
    )
    for word in (
        *words.split(),
        "remains",
        "remain",
        "persists",
        "anymore",
        "mehr",
        "verblieben",
        "pulmonary",
        "free",
        "bowel",
        "midline",
        "enlarged",
        "of",
        "visceral",
    )
)
_KIND = re.compile(r"spannung|mantel|begleit|rest|tension|hydro", re.IGNORECASE)
"""How a word begins that names a kind of a finding: "Spannungspneumothorax"."""
_NARROW = re.compile(
    r"\A(?:h(?:a?e)mothora|hämatothora|\w*empyem|chylo|milchglas|ground"
    r"|reti[ck]ul|\w*infiltr|air[- ]?space|shadow|interstitial"
    r"|honeycomb|\w*[ck]arcinom|\w*karzinom|malignan|neoplas|coin|micronod|hairline|stroke|depress)",
    re.IGNORECASE,
)
"""Words that name one kind of what they stand for here: whoever denies ground glass does not deny reticulation."""
_ALIKE = 5
"""Letters in which two words of one stem begin."""
_COMPOUND = re.compile(
    r"(?!lungen|pleura|knochen)\w{3,}(?:fraktur|blutung|knoten|zyste|tumor|karzinom|ödem|infiltrat|metastase|erguss)\w*$",
    re.IGNORECASE,
)
"""A German word for a finding of one place: "Wirbelkörperfraktur"."""
_NEXT = re.compile(r"[,:/]|\b(?:or|and|nor|und|oder|noch)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def denies_all(denial: Mention, among: Iterable[Mention], stated: str = "") -> bool:
    """Whether `denial` denies its finding as a whole: "no large effusion" denies less than "no effusion".

    Nothing but words without a meaning of their own may stand beside it, in its own part of a list; words of what is
    `stated` elsewhere do not count. `among` has the other mentions of the text.
    """
    clause = denial.clause
    if _KIND.match(denial.span.text) or _COMPOUND.match(denial.span.text):
        return False
    if _NARROW.match(denial.span.text) and denial.span.text.casefold()[:_ALIKE] not in stated.casefold():
        return False
    start, end = denial.span.start - clause.start, denial.span.end - clause.start
    first = max((found.end() for found in _NEXT.finditer(clause.text, 0, start)), default=0)
    last = next((found.start() for found in _NEXT.finditer(clause.text, end)), len(clause.text))
    part = Span.of(clause.text, first, last)
    part = Span(clause.start + part.start, clause.start + part.end, part.text)
    named = [each.span for each in among if denial.span.start <= each.span.start < part.end]
    same = set(_WORD.findall(stated.casefold()))
    kind = _WORD.findall(denial.span.text.casefold())[:-1]
    narrower = [*_left_over(part, [denial.span, *named]), *(word for word in kind if word not in _SAYS_NOTHING)]
    return not [word for word in narrower if word not in same]


def _left_over(clause: Span, named: Iterable[Span]) -> list[str]:
    """The words of a clause that narrow what it says."""
    letters = list(clause.text)
    for span in named:
        for at in range(span.start - clause.start, min(span.end - clause.start, len(letters))):
            letters[at] = " "
    return [word for word in _WORD.findall("".join(letters).casefold()) if word not in _SAYS_NOTHING]
