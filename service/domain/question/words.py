"""Words: a question about something that no rule knows, answered by the clauses that hold its words, or not at all."""

from __future__ import annotations

import re

from service.domain.prose.polarity import Polarity, polarity
from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.span import Span, clauses
from service.domain.question.asked import Asked
from service.domain.question.reply import Reply, Verdict, unstated

ADVICE = re.compile(
    r"\b(?:recommend\w*|advi[cs]e\w*|suggest(?:ed|ion)\w*|follow-?up|consider|should|empfohlen|empfehl\w*|kontroll\w*"
    r"|anzuraten)\b",
    re.IGNORECASE,
)
_TELLS = (Part.FINDINGS, Part.IMPRESSION, Part.ADDENDUM, Part.WET_READ)
_SAID = (*_TELLS, Part.OTHER)
_MOST = 6
_WORD = re.compile(r"[^\W\d_]{2,}")


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMPTY = _split(
    "is are was were be been the an any there do does did has have had can could you see seen show shows shown image "
    "images report study patient what which who how about of on in at to with for and or it its this that these say "
    "says tell me mention mentioned mentions please still find found any look looks like evidence sign signs present "
    "ist sind war waren der die das den dem des ein eine einen einem einer eines gibt es hat haben man wie was wo "
    "welche welcher welches zu zur zum im in auf am an von vom mit und oder sich sieht sehen zeigt zeigen bild "
    "befund patient liegt liegen besteht bestehen vor nachweisbar erkennbar bitte sagt steht über findet finden "
    "noch hinweis anhalt"
)
_ENDINGS = re.compile(r"(?:en|er|es|em|e|s|n)$")


def by_words(what: Asked, reading: Reading) -> Reply:
    """The clauses that hold every word of the question that carries meaning; "not stated" where none does."""
    wanted = [_stem(word) for word in _WORD.findall(what.text.casefold()) if word not in _EMPTY]
    if not wanted:
        return unstated()
    found = [
        clause
        for sentence in reading.sentences(*_SAID)
        for clause in clauses(sentence)
        if all(re.search(rf"(?<!\w){re.escape(word)}", clause.text, re.IGNORECASE) for word in wanted)
    ][:_MOST]
    if not found:
        return unstated()
    return Reply(about="", answer=_verdict(what, found, wanted[-1]), spans=tuple(found))


def stated_in(reading: Reading, words: re.Pattern[str]) -> list[Span]:
    """The sentences of the report that hold any of `words`."""
    return [each for each in reading.sentences(*_SAID) if words.search(each.text)]


def _verdict(what: Asked, found: list[Span], word: str) -> Verdict:
    if not what.yes_or_no:
        return Verdict.STATED
    polarities = {_polarity(clause, word) for clause in found}
    if len(polarities) > 1:
        return Verdict.STATED
    return {Polarity.PRESENT: Verdict.YES, Polarity.ABSENT: Verdict.NO}.get(polarities.pop(), Verdict.POSSIBLE)


def _polarity(clause: Span, word: str) -> Polarity:
    found = re.search(re.escape(word) + r"\w*", clause.text, re.IGNORECASE)
    return polarity(clause.text, found.start(), found.end()) if found else Polarity.UNCERTAIN


def _stem(word: str) -> str:
    """Without the ending of its case or number, as far as four letters are left."""
    plain = _ENDINGS.sub("", word)
    return plain if len(plain) >= 4 else word
