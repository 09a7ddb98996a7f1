"""Polarity: whether a clause states what it names, denies or doubts it.

Cues before and after the word and phrases that only look like a denial, after NegEx (Chapman et al. 2001), with German.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Polarity(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


_OPEN = re.compile(
    r"\b(?:(?:can(?:not| ?n't)|could not|not) (?:be )?(?:\w+ )?(?:excluded?|ruled out|rule out|exclude)"
    r"|difficult to exclude"
    r"|nicht (?:sicher |ganz )?(?:auszuschlie(?:ß|ss)en|ausgeschlossen)|(?:cannot"
    r"|not) (?:be )?(?:\w+ )?(?:judged|assessed|evaluated)"
    r"|nicht (?:sicher )?beurteilbar|obscured)\b",
    re.IGNORECASE,
)
_LOOKS_LIKE = re.compile(
    r"\b(?:no|not|without|ohne|keine?|nicht)\b(?: \w+){0,2} (?:chang\w*|increase|decrease|improve\w*|resol\w*"
    r"|worse\w*|better"
    r"|displac\w*\b(?! (?:\w+ )?(?:fracture|fx\b))"
    r"|verändert\w*|änderung|befundänderung"
    r"|disloziert\w*\b(?! (?:\w+ )?\w*fraktur))|\bnot only\b|\bno longer than\b|\bnot (?:appreciably"
    r"|significantly) changed"
    r"|\bunchanged\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:may|might|could|possibl[ey]|possibility|probabl[ey]|perhaps|suspect\w*|suspicio\w*|concern\w*"
    r"|questiona\w+|query"
    r"|equivocal|(?<!\d )versus|(?<!\d )vs|differential|consider\w*|borderline|unlikely"
    r"|either|or|uncertain|indetermina\w+|fraglich\w*"
    r"|möglich\w*|verdacht\w*|verdächtig\w*|evtl|eventuell|grenzwertig\w*|wahrscheinlich\w*|oder|dd)\b|\bv\. ?a\b|\?",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:(?:to|further|for) (?:better )?(?:exclude|rule out|confirm|assess|evaluat\w+|evaluation|document|detect)"
    r"|rule out|r/o|risk (?:of|for)|history of|h/o|(?:status|s/p) (?:post )?|prone to|if|in case of|treated"
    r"|treatment of"
    r"|should be excluded|zum ausschluss|zur abklärung|zustand nach|z\. ?n\.?|falls|bei verdacht|risiko"
    r"|follow-?up (?:of|for)|screening for)\b(?:\W+\w+){0,5}\W*$",
    re.IGNORECASE,
)
"""Before a finding that is asked for, feared, or long past."""
_DENIES = re.compile(
    r"\b(?:no|not|without|neither|nor|none|never|none of|negative for|free of|clear of|absence of|lack of|resolved"
    r"|resolution of|(?:absent|excluded|ruled out|not \w+),? as (?:is|are|was|were)"
    r"|complete clearing of|interval clearing of|rather than|know(?= (?:effusion|pneumo|fracture|evidence)))\b"
    r"|\b(?:kein\w*|ohne|weder|nicht|noch(?= \w+$)|ausschluss|rückbildung|fehlend\w*)\b|\bø",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:resolved|(?:has |have )?cleared|gone|absent|excluded|ruled out|no longer|removed|replaced by"
    r"|vanished|disappeared"
    r"|(?:is |are )?not (?:\w+ )?(?:seen|identified|present|visible|evident|demonstrated|detected|appreciated"
    r"|enlarged|widened)"
    r"|none|negative|nil|(?<=: )(?:no|nein|keine?[rs]?)(?=\s*(?:[.,;(]|$))"
    r"|nicht (?:mehr )?(?:\w+ )?(?:nachweisbar|abgrenzbar|erkennbar|vorhanden|vor"
    r"|nachzuweisen|sichtbar|zu (?:sehen|erkennen|finden)|zur darstellung)"
    r"|fehlt|fehlen"
    r"|ausgeschlossen|resorbiert|entfernt|nicht mehr|not any more)\b",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:not|nicht|incompletely|partially|partly|teilweise|almost|nearly) (?:yet |completely |vollständig )?$",
    re.IGNORECASE,
)


_SHORT_NOT = re.compile(r"\wn['’]t\b", re.IGNORECASE)


def expanded(clause: str) -> str:
    """The same, as long as before, with a "not" that stands by itself: "isn't" as "i not"."""
    return _SHORT_NOT.sub(" not", clause)


def polarity(clause: str, start: int, end: int) -> Polarity:
    """What `clause` says of the word from `start` to `end` in it."""
    clause = expanded(clause)
    if _OPEN.search(clause):
        return Polarity.UNCERTAIN
    plain = _LOOKS_LIKE.sub(lambda found: "~" * len(found[0]), clause)
    if _DENIES.search(plain, 0, start) or _after(plain, end):
        return Polarity.ABSENT
    doubt = _DOUBT.search(clause) or _ASKED.search(plain, 0, start)
    return Polarity.UNCERTAIN if doubt else Polarity.PRESENT


def _after(clause: str, end: int) -> bool:
    found = _DENIED.search(clause, end)
    return bool(found and not _STILL.search(clause[end : found.start()]))
